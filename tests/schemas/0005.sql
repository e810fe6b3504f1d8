BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('WC27A6MFKJ8CZGFEPSF5','e95606d13a4c4192b374a0ce99276094','7ede3835daca4a329e7a8515fc845ab4',X'D6D8725A2174BDE3C4E9763427DC3129A752302F37F6F4C5144C2894BC2E1B8C166C5756D4B4A961FA97F45A077FE5B93206EDAE71071CFA5CD279F41B1967843383888F');
INSERT INTO "access_keys" VALUES('7L9PE9U2CYY2VMWLR2DG','278ee0f47f5c4b4a9bb7b5c0685315e7','15afb9accc364e3da391de59432db8be',X'6508807C98BC641A4EFB3491C6823A9D9D2E0CDF140C5AE3EA8E13DA24BE97007F372DCD4DB478D4169079CE302E58E1788749A5702C1A259C4878D23711C0DDAEFAE657');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('592dfb6c-dc5e-4e4c-a50a-bddf1d549457','d8bc6108-7c4d-4cb3-8613-66bf44efb9de');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('89d5c5712d826af0721a527104c753b6980d11fe0417a75cb787fdc438ced1f1','592dfb6c-dc5e-4e4c-a50a-bddf1d549457',X'DD9FDA1C249079695F0688F1893CF4F31E86FC98DBA5F49FB51965ABEE93AF112DECA087B83E06953911D418FD9BDA0C37975DBA5B5AB480564079AD9DE75360F7EE4C15A4343A89E2722D76B6A0BE1913ADA8EEFDFA7C8888302B24',1795810150124);
CREATE TABLE apps (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	description TEXT NOT NULL, 
	owner VARCHAR NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_apps PRIMARY KEY (id), 
	CONSTRAINT uq_apps_project_id_name UNIQUE (project_id, name)
);
INSERT INTO "apps" VALUES('592dfb6c-dc5e-4e4c-a50a-bddf1d549457','7ede3835daca4a329e7a8515fc845ab4','shop','','e95606d13a4c4192b374a0ce99276094',1795810150124);
CREATE TABLE batch_sources (
	task_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	location TEXT NOT NULL, 
	sealed_location BLOB, 
	bucket VARCHAR NOT NULL, 
	"key" TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	version VARCHAR NOT NULL, 
	result TEXT NOT NULL, 
	error TEXT NOT NULL, 
	result_version VARCHAR NOT NULL, 
	CONSTRAINT pk_batch_sources PRIMARY KEY (task_id, number), 
	CONSTRAINT fk_batch_sources_task_id FOREIGN KEY(task_id) REFERENCES batch_tasks (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "batch_sources" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c4124-18ebffd1230a8d37-18','few.csv_result.txt','','2c422d-18ebffd1527ee17d-86');
INSERT INTO "batch_sources" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c41cc-18ebffd1230bda73-442','more.csv_result.txt','','2c422e-18ebffd15347cd96-da2');
INSERT INTO "batch_sources" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c4124-18ebffd1230a8d37-18','few.csv_result.txt','','2c4438-18ebffd27a9e2957-86');
INSERT INTO "batch_sources" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c41cc-18ebffd1230bda73-442','more.csv_result.txt','','2c4439-18ebffd27adf2b9a-da2');
CREATE TABLE batch_splits (
	task_id VARCHAR NOT NULL, 
	source INTEGER NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	first_row BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	state VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	deaths INTEGER NOT NULL, 
	worker VARCHAR NOT NULL, 
	failed BIGINT NOT NULL, 
	part TEXT NOT NULL, 
	part_bytes BIGINT NOT NULL, 
	part_size BIGINT NOT NULL, 
	retry BOOLEAN NOT NULL, 
	CONSTRAINT pk_batch_splits PRIMARY KEY (task_id, source, start), 
	CONSTRAINT fk_batch_splits_task_id FOREIGN KEY(task_id) REFERENCES batch_tasks (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',0,0,4,0,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',0,4,8,1,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',0,8,15,2,1,'published',1,0,'',1,'',83,148,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',0,15,24,3,1,'published',1,0,'',0,'',19,19,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,0,70,0,16,'published',1,0,'',0,'',262,262,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,70,140,16,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,140,210,30,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,210,280,44,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,280,350,58,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,350,420,72,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,420,490,86,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,490,562,100,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,562,634,112,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,634,706,124,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,706,778,136,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,778,850,148,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,850,922,160,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,922,994,172,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',0,0,4,0,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',0,4,8,1,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',0,8,15,2,1,'published',1,0,'',1,'',83,148,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',0,15,24,3,1,'published',1,0,'',0,'',19,19,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,0,70,0,16,'published',1,0,'',0,'',262,262,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,70,140,16,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,140,210,30,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,210,280,44,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,280,350,58,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,350,420,72,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,420,490,86,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,490,562,100,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,562,634,112,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,634,706,124,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,706,778,136,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,778,850,148,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,850,922,160,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,922,994,172,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0);
CREATE TABLE batch_tasks (
	id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	rollout VARCHAR NOT NULL, 
	created_ms BIGINT NOT NULL, 
	state VARCHAR NOT NULL, 
	started_ms BIGINT, 
	finished_ms BIGINT, 
	planned BOOLEAN NOT NULL, 
	cursor TEXT NOT NULL, 
	error TEXT NOT NULL, 
	waiting TEXT NOT NULL, 
	retries INTEGER NOT NULL, 
	sources BIGINT NOT NULL, 
	sources_failed BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	splits BIGINT NOT NULL, 
	splits_done BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	rows_done BIGINT NOT NULL, 
	rows_failed BIGINT NOT NULL, 
	CONSTRAINT pk_batch_tasks PRIMARY KEY (id), 
	CONSTRAINT uq_batch_tasks_service_id_number UNIQUE (service_id, number), 
	CONSTRAINT fk_batch_tasks_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "batch_tasks" VALUES('e7aff30f-bc31-433d-9c3c-c16bc09062b4','f08d4ed9-3836-4db7-863e-5361122d4626',1,1,'94a7d477-aa61-4bec-b878-63669a256e11',1795810150228,'finished',1795810150455,1795810150981,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
INSERT INTO "batch_tasks" VALUES('43117fe0-1e05-48d2-ba84-ee1f26bcbc44','c778d939-1cde-4cc1-8bae-4109daf22f20',1,1,'70ff4e88-8a07-4762-bd7e-27f222bf125e',1795810155256,'finished',1795810155542,1795810156061,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
CREATE TABLE bucket_endpoints (
	name VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	region VARCHAR NOT NULL, 
	sealed_keys BLOB NOT NULL, 
	CONSTRAINT pk_bucket_endpoints PRIMARY KEY (name)
);
INSERT INTO "bucket_endpoints" VALUES('far','https://s3.example.com','us-east-1',X'6DAE86998AFCFDD7EC03BD950001FE9B5AAA4A7F2FA7619A0955551F96465F52CC54DAF9D592623FF83F5BBAC57BB2885C35C406A01E250FC2');
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','15afb9accc364e3da391de59432db8be');
INSERT INTO "buckets" VALUES('far','15afb9accc364e3da391de59432db8be');
INSERT INTO "buckets" VALUES('input','7ede3835daca4a329e7a8515fc845ab4');
INSERT INTO "buckets" VALUES('output','7ede3835daca4a329e7a8515fc845ab4');
CREATE TABLE counters (
	service_id VARCHAR NOT NULL, 
	total BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	epoch VARCHAR NOT NULL, 
	raw_total BIGINT NOT NULL, 
	raw_failed BIGINT NOT NULL, 
	CONSTRAINT pk_counters PRIMARY KEY (service_id), 
	CONSTRAINT fk_counters_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "counters" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de',1,0,'24725-1795810146720',1,0);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','start to deploy service',1795810147614);
INSERT INTO "events" VALUES(2,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','start to deploy service',1795810147644);
INSERT INTO "events" VALUES(3,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','[echo 1.0.0] schedule resource success',1795810147644);
INSERT INTO "events" VALUES(4,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','[echo 1.0.0] starting model',1795810147644);
INSERT INTO "events" VALUES(5,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','[echo 1.0.0] schedule resource success',1795810147663);
INSERT INTO "events" VALUES(6,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','[echo 1.0.0] starting model',1795810147663);
INSERT INTO "events" VALUES(7,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','start to deploy service',1795810147664);
INSERT INTO "events" VALUES(8,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','[broken 1.0.0] schedule resource success',1795810147733);
INSERT INTO "events" VALUES(9,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','[broken 1.0.0] starting model',1795810147733);
INSERT INTO "events" VALUES(10,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','[echo 1.0.0] instance d1abdff7-78ce-4148-80d6-e811e867b6ff is ready',1795810148106);
INSERT INTO "events" VALUES(11,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','service started',1795810148122);
INSERT INTO "events" VALUES(12,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','abnormal','[broken 1.0.0] instance d505b691-c29c-4f0f-b49a-143f871b8e55 ended: exited with status 3',1795810148147);
INSERT INTO "events" VALUES(13,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','[broken 1.0.0] schedule resource success',1795810148147);
INSERT INTO "events" VALUES(14,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','[broken 1.0.0] starting model',1795810148147);
INSERT INTO "events" VALUES(15,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','[echo 1.0.0] instance 7e2ce755-8c8c-4e79-abc3-45b7e3615e43 is ready',1795810148150);
INSERT INTO "events" VALUES(16,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','service started',1795810148170);
INSERT INTO "events" VALUES(17,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','abnormal','[broken 1.0.0] instance 2b301c8b-8232-4788-861a-b695d3f6f4c5 ended: exited with status 3',1795810148267);
INSERT INTO "events" VALUES(18,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','[broken 1.0.0] schedule resource success',1795810149272);
INSERT INTO "events" VALUES(19,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','normal','[broken 1.0.0] starting model',1795810149272);
INSERT INTO "events" VALUES(20,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','abnormal','[broken 1.0.0] instance 11005c87-ceda-42b6-9803-f787a59dfa21 ended: exited with status 3',1795810149480);
INSERT INTO "events" VALUES(21,'bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810149480);
INSERT INTO "events" VALUES(22,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','service being updated',1795810149546);
INSERT INTO "events" VALUES(23,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','auto stop enabled. The service will stop after 259200 s.',1795810149546);
INSERT INTO "events" VALUES(24,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','[echo 1.1.0] schedule resource success',1795810149560);
INSERT INTO "events" VALUES(25,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','[echo 1.1.0] starting model',1795810149560);
INSERT INTO "events" VALUES(26,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','[echo 1.1.0] instance 63b9e524-c17b-4986-9e54-4079f7f271e1 is ready',1795810149843);
INSERT INTO "events" VALUES(27,'d8bc6108-7c4d-4cb3-8613-66bf44efb9de','normal','service updated',1795810149857);
INSERT INTO "events" VALUES(28,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','service being stopped',1795810149983);
INSERT INTO "events" VALUES(29,'2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','normal','service stopped',1795810150025);
INSERT INTO "events" VALUES(30,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','start to deploy service',1795810150179);
INSERT INTO "events" VALUES(31,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','task 1 began',1795810150228);
INSERT INTO "events" VALUES(32,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','[echo 1.0.0] schedule resource success',1795810150228);
INSERT INTO "events" VALUES(33,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','[echo 1.0.0] starting model',1795810150228);
INSERT INTO "events" VALUES(34,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','[echo 1.0.0] worker 952d7284-6c10-4cfc-b7c0-d8aee5854e86 is ready',1795810150439);
INSERT INTO "events" VALUES(35,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','service started',1795810150439);
INSERT INTO "events" VALUES(36,'f08d4ed9-3836-4db7-863e-5361122d4626','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810150987);
INSERT INTO "events" VALUES(37,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','start to deploy service',1795810155239);
INSERT INTO "events" VALUES(38,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','task 1 began',1795810155256);
INSERT INTO "events" VALUES(39,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','[echo 1.0.0] schedule resource success',1795810155256);
INSERT INTO "events" VALUES(40,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','[echo 1.0.0] starting model',1795810155256);
INSERT INTO "events" VALUES(41,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','[echo 1.0.0] worker d7b1d67c-7b72-45d2-bf89-e9fcb78b07c8 is ready',1795810155528);
INSERT INTO "events" VALUES(42,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','service started',1795810155528);
INSERT INTO "events" VALUES(43,'c778d939-1cde-4cc1-8bae-4109daf22f20','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810156071);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','15afb9accc364e3da391de59432db8be');
CREATE TABLE flavors (
	id VARCHAR NOT NULL, 
	open BOOLEAN NOT NULL, 
	attributes JSON NOT NULL, 
	CONSTRAINT pk_flavors PRIMARY KEY (id)
);
INSERT INTO "flavors" VALUES('lab.small',0,'{"cpu":1.0,"memory_mib":512}');
CREATE TABLE grants (
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	CONSTRAINT pk_grants PRIMARY KEY (user_id, project_id, role), 
	CONSTRAINT fk_grants_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "grants" VALUES('e95606d13a4c4192b374a0ce99276094','7ede3835daca4a329e7a8515fc845ab4','admin');
INSERT INTO "grants" VALUES('e95606d13a4c4192b374a0ce99276094','system','admin');
INSERT INTO "grants" VALUES('278ee0f47f5c4b4a9bb7b5c0685315e7','15afb9accc364e3da391de59432db8be','member');
INSERT INTO "grants" VALUES('6fc3646f5ff649f19f92a6f56dc0d419','15afb9accc364e3da391de59432db8be','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('7ede3835daca4a329e7a8515fc845ab4','POST /v1/{p}/services running','7587540249fb488050b687338466f10a9fc297d7e92d7844fd81035b5e0bef56',200,'{"body": {"service_id": "d8bc6108-7c4d-4cb3-8613-66bf44efb9de", "resource_ids": ["INF-672ab2b7-6f42-4327-9587-f77f1f7f5a17"]}, "headers": {"ETag": "\"1.1\""}}',1795896547614);
INSERT INTO "idempotency" VALUES('7ede3835daca4a329e7a8515fc845ab4','POST /v1/{p}/services stopped','85282ebc7274e64f6f769d3c7f300b2c837fe29fa48603a564ca80eca0460ed8',200,'{"body": {"service_id": "2d3656c5-ec8f-4b6a-b67d-7c374042e6c7", "resource_ids": ["INF-41a99d8e-f674-4c50-ba2e-9a8a90e02792"]}, "headers": {"ETag": "\"1.1\""}}',1795896547644);
INSERT INTO "idempotency" VALUES('7ede3835daca4a329e7a8515fc845ab4','POST /v1/{p}/services failed','cfd05e60fa769843eab6fe9691ae3e87a5d43be7a6c0fdb5fec78a225a8d61d4',200,'{"body": {"service_id": "bff1f3a1-7a45-466a-9f18-a64de1f1e2c4", "resource_ids": ["INF-29760e74-9025-4ac5-96fe-f80f56b31a79"]}, "headers": {"ETag": "\"1.1\""}}',1795896547664);
INSERT INTO "idempotency" VALUES('7ede3835daca4a329e7a8515fc845ab4','POST /v1/{p}/services scores','86ee2c8a9b8ad2b5e791b76d52dba09702196e06eff969fa68f8183dfb8ebacc',200,'{"body": {"service_id": "f08d4ed9-3836-4db7-863e-5361122d4626", "resource_ids": ["INF-94a7d477-aa61-4bec-b878-63669a256e11"]}, "headers": {"ETag": "\"1.1\""}}',1795896550179);
INSERT INTO "idempotency" VALUES('7ede3835daca4a329e7a8515fc845ab4','POST /v1/{p}/services again','b39193f001447f9aafe3d4996debe3b317d0a6673c36339dec87cab1b6ad9d5f',200,'{"body": {"service_id": "c778d939-1cde-4cc1-8bae-4109daf22f20", "resource_ids": ["INF-70ff4e88-8a07-4762-bd7e-27f222bf125e"]}, "headers": {"ETag": "\"1.1\""}}',1795896555239);
CREATE TABLE instances (
	id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	track INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	template VARCHAR NOT NULL, 
	phase VARCHAR NOT NULL, 
	started_ms BIGINT NOT NULL, 
	phase_ms BIGINT NOT NULL, 
	ready_ms BIGINT, 
	exit TEXT NOT NULL, 
	node VARCHAR DEFAULT '' NOT NULL, 
	address VARCHAR DEFAULT '' NOT NULL, 
	CONSTRAINT pk_instances PRIMARY KEY (id), 
	CONSTRAINT fk_instances_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "instances" VALUES('d1abdff7-78ce-4148-80d6-e811e867b6ff','d8bc6108-7c4d-4cb3-8613-66bf44efb9de',1,1,'268a34ba5a4c8fe1','ready',1795810147644,1795810148106,1795810148106,'','','unix:instances/d1abdff7-78ce-4148-80d6-e811e867b6ff/s.sock');
INSERT INTO "instances" VALUES('63b9e524-c17b-4986-9e54-4079f7f271e1','d8bc6108-7c4d-4cb3-8613-66bf44efb9de',2,2,'1e9ed392dd91a5c7','ready',1795810149560,1795810149843,1795810149843,'','','unix:instances/63b9e524-c17b-4986-9e54-4079f7f271e1/s.sock');
CREATE TABLE models (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	source_location TEXT NOT NULL, 
	owner VARCHAR NOT NULL, 
	created_ms BIGINT NOT NULL, 
	status VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	install_types JSON NOT NULL, 
	attributes JSON NOT NULL, 
	config JSON NOT NULL, 
	error TEXT NOT NULL, 
	workspace_id VARCHAR NOT NULL, 
	description TEXT NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (id), 
	CONSTRAINT uq_models_project_id_name_version UNIQUE (project_id, name, version)
);
INSERT INTO "models" VALUES('989b3b62-39d2-49e8-8ec9-36bc7923e4ea','7ede3835daca4a329e7a8515fc845ab4','echo','1.0.0','Custom','/models/echo','e95606d13a4c4192b374a0ce99276094',1795810147206,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('419dee82-6c06-47ba-854a-e1a556552661','7ede3835daca4a329e7a8515fc845ab4','broken','1.0.0','Custom','/models/broken','e95606d13a4c4192b374a0ce99276094',1795810147341,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('69fc9fe0-c58a-47e6-9292-95dce724bf33','7ede3835daca4a329e7a8515fc845ab4','echo','1.1.0','Custom','/models/echo','e95606d13a4c4192b374a0ce99276094',1795810147466,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('81b5a045-fd68-491c-bc1a-60e2b6f393c6','7ede3835daca4a329e7a8515fc845ab4','missing','1.0.0','Custom','/models/missing','e95606d13a4c4192b374a0ce99276094',1795810147591,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
CREATE TABLE pools (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	created_ms BIGINT NOT NULL, 
	attributes JSON NOT NULL, 
	CONSTRAINT pk_pools PRIMARY KEY (id), 
	CONSTRAINT uq_pools_project_id_name UNIQUE (project_id, name)
);
INSERT INTO "pools" VALUES('2b452803-b124-4ebb-980e-0794bbd6dc93','15afb9accc364e3da391de59432db8be','lab','running',1795810147181,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('7ede3835daca4a329e7a8515fc845ab4','local','8b5862a6db1d4148a25e2350688f0d98','modelyard',1);
INSERT INTO "projects" VALUES('15afb9accc364e3da391de59432db8be','research','8b5862a6db1d4148a25e2350688f0d98','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('15afb9accc364e3da391de59432db8be','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de',1,'989b3b62-39d2-49e8-8ec9-36bc7923e4ea');
INSERT INTO "revision_models" VALUES('2d3656c5-ec8f-4b6a-b67d-7c374042e6c7',1,'989b3b62-39d2-49e8-8ec9-36bc7923e4ea');
INSERT INTO "revision_models" VALUES('bff1f3a1-7a45-466a-9f18-a64de1f1e2c4',1,'419dee82-6c06-47ba-854a-e1a556552661');
INSERT INTO "revision_models" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de',2,'989b3b62-39d2-49e8-8ec9-36bc7923e4ea');
INSERT INTO "revision_models" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de',2,'69fc9fe0-c58a-47e6-9292-95dce724bf33');
INSERT INTO "revision_models" VALUES('f08d4ed9-3836-4db7-863e-5361122d4626',1,'989b3b62-39d2-49e8-8ec9-36bc7923e4ea');
INSERT INTO "revision_models" VALUES('c778d939-1cde-4cc1-8bae-4109daf22f20',1,'989b3b62-39d2-49e8-8ec9-36bc7923e4ea');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de',1,1795810147614,'{"variants":[{"track":1,"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","model_name":"echo","model_version":"1.0.0","template":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"3r0puS35prXPaFWTxPa85LRlXNRZawZqdmdCrpdG95XhfhmeWIaHL34/QvCZFf4MgImrbNDu6LjmEcfI/woUn/2B3A52Y4HMhr2RnQHybWj0JS5VUGyXVaB8KRmLCRRinHKOkOZC6jDlKKD1pRJjc9iK4uft6dExes7S"}');
INSERT INTO "revisions" VALUES('2d3656c5-ec8f-4b6a-b67d-7c374042e6c7',1,1795810147644,'{"variants":[{"track":1,"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","model_name":"echo","model_version":"1.0.0","template":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('bff1f3a1-7a45-466a-9f18-a64de1f1e2c4',1,1795810147664,'{"variants":[{"track":1,"model_id":"419dee82-6c06-47ba-854a-e1a556552661","model_name":"broken","model_version":"1.0.0","template":{"model_id":"419dee82-6c06-47ba-854a-e1a556552661","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"419dee82-6c06-47ba-854a-e1a556552661","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de',2,1795810149546,'{"variants":[{"track":1,"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","model_name":"echo","model_version":"1.0.0","template":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"69fc9fe0-c58a-47e6-9292-95dce724bf33","model_name":"echo","model_version":"1.1.0","template":{"model_id":"69fc9fe0-c58a-47e6-9292-95dce724bf33","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"69fc9fe0-c58a-47e6-9292-95dce724bf33","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"Jh7zKxfuaMyItOpT7K/7uoSwwKrFLJNlo43IB/6sH/a0EJvxe7uM2nG39JWG/La5Qen+44cjMDWITfTU6oLU96sIAQ0+sMBE6+tMWJ+LbhDC2UsPXHFUYsSNYvEEt6ks4TAIbMq3nNWFZZzm1TiLGiMVJKVD4b9Acz0i3LnzsrwPtwxzgQ=="}');
INSERT INTO "revisions" VALUES('f08d4ed9-3836-4db7-863e-5361122d4626',1,1795810150179,'{"variants":[{"track":1,"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","model_name":"echo","model_version":"1.0.0","template":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/scores/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/scores/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
INSERT INTO "revisions" VALUES('c778d939-1cde-4cc1-8bae-4109daf22f20',1,1795810155239,'{"variants":[{"track":1,"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","model_name":"echo","model_version":"1.0.0","template":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/again/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"989b3b62-39d2-49e8-8ec9-36bc7923e4ea","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/again/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('6fc3646f5ff649f19f92a6f56dc0d419',1795810147143);
CREATE TABLE rollouts (
	id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	target INTEGER NOT NULL, 
	base INTEGER, 
	started_ms BIGINT NOT NULL, 
	state VARCHAR NOT NULL, 
	switched BOOLEAN NOT NULL, 
	cause TEXT NOT NULL, 
	ended_ms BIGINT, 
	CONSTRAINT pk_rollouts PRIMARY KEY (id), 
	CONSTRAINT uq_rollouts_service_id_seq UNIQUE (service_id, seq), 
	CONSTRAINT fk_rollouts_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "rollouts" VALUES('672ab2b7-6f42-4327-9587-f77f1f7f5a17','d8bc6108-7c4d-4cb3-8613-66bf44efb9de',1,'deploy',1,NULL,1795810147614,'success',0,'',1795810148122);
INSERT INTO "rollouts" VALUES('41a99d8e-f674-4c50-ba2e-9a8a90e02792','2d3656c5-ec8f-4b6a-b67d-7c374042e6c7',1,'deploy',1,NULL,1795810147644,'success',0,'',1795810148170);
INSERT INTO "rollouts" VALUES('29760e74-9025-4ac5-96fe-f80f56b31a79','bff1f3a1-7a45-466a-9f18-a64de1f1e2c4',1,'deploy',1,NULL,1795810147664,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810149480);
INSERT INTO "rollouts" VALUES('67445bd6-f2be-4819-8138-08b91c5733bd','d8bc6108-7c4d-4cb3-8613-66bf44efb9de',2,'update',2,1,1795810149546,'success',1,'',1795810149857);
INSERT INTO "rollouts" VALUES('94a7d477-aa61-4bec-b878-63669a256e11','f08d4ed9-3836-4db7-863e-5361122d4626',1,'deploy',1,NULL,1795810150179,'success',1,'',1795810150439);
INSERT INTO "rollouts" VALUES('70ff4e88-8a07-4762-bd7e-27f222bf125e','c778d939-1cde-4cc1-8bae-4109daf22f20',1,'deploy',1,NULL,1795810155239,'success',1,'',1795810155528);
CREATE TABLE services (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	infer_type VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	created_ms BIGINT NOT NULL, 
	desired VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	stable INTEGER, 
	failed BOOLEAN NOT NULL, 
	description TEXT NOT NULL, 
	workspace_id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	error TEXT NOT NULL, 
	updated_ms BIGINT NOT NULL, 
	transition_ms BIGINT NOT NULL, 
	request_timeout_s FLOAT NOT NULL, 
	max_body_bytes BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	attributes JSON NOT NULL, 
	due_ms BIGINT, 
	CONSTRAINT pk_services PRIMARY KEY (id), 
	CONSTRAINT uq_services_project_id_name UNIQUE (project_id, name)
);
INSERT INTO "services" VALUES('d8bc6108-7c4d-4cb3-8613-66bf44efb9de','7ede3835daca4a329e7a8515fc845ab4','running','real-time','e95606d13a4c4192b374a0ce99276094',1795810147614,'running',2,2,0,'in use','0','running','',1795810149546,1795810149857,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069349546);
INSERT INTO "services" VALUES('2d3656c5-ec8f-4b6a-b67d-7c374042e6c7','7ede3835daca4a329e7a8515fc845ab4','stopped','real-time','e95606d13a4c4192b374a0ce99276094',1795810147644,'stopped',1,1,0,'','0','stopped','',1795810147644,1795810150025,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('bff1f3a1-7a45-466a-9f18-a64de1f1e2c4','7ede3835daca4a329e7a8515fc845ab4','failed','real-time','e95606d13a4c4192b374a0ce99276094',1795810147664,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810147664,1795810149480,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('f08d4ed9-3836-4db7-863e-5361122d4626','7ede3835daca4a329e7a8515fc845ab4','scores','batch','e95606d13a4c4192b374a0ce99276094',1795810150179,'running',1,1,0,'','0','finished','',1795810150179,1795810150987,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('c778d939-1cde-4cc1-8bae-4109daf22f20','7ede3835daca4a329e7a8515fc845ab4','again','batch','e95606d13a4c4192b374a0ce99276094',1795810155239,'running',1,1,0,'','0','finished','',1795810155239,1795810156071,60.0,12582912,1,'{}',NULL);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('e95606d13a4c4192b374a0ce99276094','admin','8b5862a6db1d4148a25e2350688f0d98','$argon2id$v=19$m=19456,t=2,p=1$0l9KkBC4vfb4sZeUmX1IvA$zb8/bq4G2931I5+n3xBaFmhiBScsmvygZfSPvzK1haU',1);
INSERT INTO "users" VALUES('278ee0f47f5c4b4a9bb7b5c0685315e7','ada','8b5862a6db1d4148a25e2350688f0d98','$argon2id$v=19$m=19456,t=2,p=1$pwKwvMAJR5scEo1U8NXbog$VnUC9BI1yZCu/v0jeXiZf4RFrUe/CPvRdRo9XPvyqAQ',1);
INSERT INTO "users" VALUES('6fc3646f5ff649f19f92a6f56dc0d419','bob','8b5862a6db1d4148a25e2350688f0d98','$argon2id$v=19$m=19456,t=2,p=1$CUmJq+O0M6bbb8UYlHFfWQ$5ab47O2pWo7OPkyEIoY4gV3WlSXiAUbzW7DYFiecCaA',0);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_services_project_id_transition_ms ON services (project_id, transition_ms);
CREATE INDEX ix_services_project_id_created_ms ON services (project_id, created_ms);
CREATE INDEX ix_services_due_ms ON services (due_ms);
CREATE INDEX ix_buckets_project_id ON buckets (project_id);
CREATE INDEX ix_idempotency_expires_ms ON idempotency (expires_ms);
CREATE INDEX ix_grants_project_id ON grants (project_id);
CREATE INDEX ix_access_keys_user_id ON access_keys (user_id);
CREATE INDEX ix_revision_models_model_id ON revision_models (model_id);
CREATE UNIQUE INDEX uq_rollouts_active ON rollouts (service_id) WHERE state IN ('running', 'rolling_back');
CREATE INDEX ix_instances_service_id ON instances (service_id);
CREATE INDEX ix_events_service_id_occur_ms ON events (service_id, occur_ms);
CREATE INDEX ix_events_service_id_id ON events (service_id, id);
CREATE INDEX ix_app_codes_app_id ON app_codes (app_id);
CREATE INDEX ix_app_bindings_service_id ON app_bindings (service_id);
CREATE INDEX ix_batch_sources_task_id_result ON batch_sources (task_id, result);
CREATE INDEX ix_batch_splits_task_id_state_source_start ON batch_splits (task_id, state, source, start);
COMMIT;
