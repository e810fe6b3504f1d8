BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('R8V4DED740A1LXRSKQ4J','dc62e61e2dc548c5bcf13a581f84718e','b51c0fda8efd4279863ce072a70607b0',X'31AA6786B46B69CB82E9CB3DF62CDCDEAB2BFB105CE2A8A50E5248814C9FAB1E22070BF7C2A98A22576333551A55842921D0FA36B9B0D82196539CEAABEE6090E2FEFE3F');
INSERT INTO "access_keys" VALUES('B65OKNW867M9EMUWVNHG','f585b6831fd847419554eebf9a2737ae','2549b395e5354781afbe9a22c0f2fc67',X'993E47F86064142838F9B593A84E2EBB6942E4A61C998B030CDC111F550A47CF89D3B8158D6EC89AEAEFE4F57756F1A85E4386FFDA360C3B499D2F82A2506CB85F33F0B3');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0007');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('b7133e7f-2acb-4162-928f-291428cb40b9','690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('0b9cbbce1a34a360bb465425b8f20ad22f09147261173c8d208529b4729fa915','b7133e7f-2acb-4162-928f-291428cb40b9',X'202625C71D6D2ADE2284764AD0FBB127524F6107FCE89A35A5DA6968F842FABB74D8BC0D2566AE19074FA9A0E65D68C397DBED58EED0AF1EF1494509096795DAD539B7977CF78DB0EB7B4DA2B98D08A9FDB738CD591ACA007EA3AE51',1795810072156);
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
INSERT INTO "apps" VALUES('b7133e7f-2acb-4162-928f-291428cb40b9','b51c0fda8efd4279863ce072a70607b0','shop','','dc62e61e2dc548c5bcf13a581f84718e',1795810072156);
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
INSERT INTO "batch_sources" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c2022-18ebffbefd0f0de0-18','few.csv_result.txt','','2c21d2-18ebffbf1ec0b82b-86');
INSERT INTO "batch_sources" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c2032-18ebffbefd106abc-442','more.csv_result.txt','','2c21c2-18ebffbf1ec0b82b-da2');
INSERT INTO "batch_sources" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c2022-18ebffbefd0f0de0-18','few.csv_result.txt','','2c2293-18ebffc04ed6a89b-86');
INSERT INTO "batch_sources" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c2032-18ebffbefd106abc-442','more.csv_result.txt','','2c22a3-18ebffc04efb6531-da2');
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
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',0,0,4,0,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',0,4,8,1,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',0,8,15,2,1,'published',1,0,'',1,'',83,148,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',0,15,24,3,1,'published',1,0,'',0,'',19,19,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,0,70,0,16,'published',1,0,'',0,'',262,262,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,70,140,16,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,140,210,30,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,210,280,44,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,280,350,58,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,350,420,72,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,420,490,86,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,490,562,100,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,562,634,112,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,634,706,124,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,706,778,136,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,778,850,148,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,850,922,160,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,922,994,172,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',0,0,4,0,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',0,4,8,1,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',0,8,15,2,1,'published',1,0,'',1,'',83,148,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',0,15,24,3,1,'published',1,0,'',0,'',19,19,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,0,70,0,16,'published',1,0,'',0,'',262,262,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,70,140,16,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,140,210,30,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,210,280,44,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,280,350,58,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,350,420,72,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,420,490,86,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,490,562,100,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,562,634,112,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,634,706,124,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,706,778,136,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,778,850,148,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,850,922,160,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,922,994,172,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0);
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
INSERT INTO "batch_tasks" VALUES('5ab7a04b-ef76-4bea-b601-3ac0eef41187','dae6476a-2787-4bf4-8ea1-2f1cae389b94',1,1,'21bef767-3507-467b-828d-912c21bf3c3b',1795810072264,'finished',1795810072468,1795810072882,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
INSERT INTO "batch_tasks" VALUES('cbd6a69d-0e2a-4cbf-aea0-4f2845d43345','01d82f75-d01f-4533-9c33-92d9ecd90557',1,1,'66c33107-1665-4d1d-9525-37ffba43ef6d',1795810077407,'finished',1795810077598,1795810077894,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
CREATE TABLE bucket_endpoints (
	name VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	region VARCHAR NOT NULL, 
	sealed_keys BLOB NOT NULL, 
	CONSTRAINT pk_bucket_endpoints PRIMARY KEY (name)
);
INSERT INTO "bucket_endpoints" VALUES('far','https://s3.example.com','us-east-1',X'80FB049DD2637CD642987EAFB6A06D4B7B7F0D79D3860B8EFD25A89B6E80C89D16A752CA1C31B86E5503C90273C6198775B3CABA05CCEDAFEF');
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','2549b395e5354781afbe9a22c0f2fc67');
INSERT INTO "buckets" VALUES('far','2549b395e5354781afbe9a22c0f2fc67');
INSERT INTO "buckets" VALUES('input','b51c0fda8efd4279863ce072a70607b0');
INSERT INTO "buckets" VALUES('output','b51c0fda8efd4279863ce072a70607b0');
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
INSERT INTO "counters" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',1,0,'21325-1795810069210',1,0);
CREATE TABLE deliveries (
	subscription_urn VARCHAR NOT NULL, 
	number BIGINT NOT NULL, 
	service_id VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	since_ms BIGINT NOT NULL, 
	due_ms BIGINT NOT NULL, 
	error TEXT NOT NULL, 
	ended_ms BIGINT, 
	CONSTRAINT pk_deliveries PRIMARY KEY (subscription_urn, number), 
	CONSTRAINT fk_deliveries_subscription_urn FOREIGN KEY(subscription_urn) REFERENCES subscriptions (urn) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_deliveries_number FOREIGN KEY(number) REFERENCES messages (number) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','start to deploy service',1795810070193);
INSERT INTO "events" VALUES(2,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','[echo 1.0.0] schedule resource success',1795810070223);
INSERT INTO "events" VALUES(3,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','[echo 1.0.0] starting model',1795810070223);
INSERT INTO "events" VALUES(4,'5b941128-8331-439b-adc5-1e741721a1e6','normal','start to deploy service',1795810070224);
INSERT INTO "events" VALUES(5,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','start to deploy service',1795810070281);
INSERT INTO "events" VALUES(6,'5b941128-8331-439b-adc5-1e741721a1e6','normal','[echo 1.0.0] schedule resource success',1795810070286);
INSERT INTO "events" VALUES(7,'5b941128-8331-439b-adc5-1e741721a1e6','normal','[echo 1.0.0] starting model',1795810070286);
INSERT INTO "events" VALUES(8,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','[broken 1.0.0] schedule resource success',1795810070302);
INSERT INTO "events" VALUES(9,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','[broken 1.0.0] starting model',1795810070302);
INSERT INTO "events" VALUES(10,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','abnormal','[broken 1.0.0] instance c591c790-7064-4018-9279-b360537cc530 ended: exited with status 3',1795810070462);
INSERT INTO "events" VALUES(11,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','[broken 1.0.0] schedule resource success',1795810070462);
INSERT INTO "events" VALUES(12,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','[broken 1.0.0] starting model',1795810070462);
INSERT INTO "events" VALUES(13,'5b941128-8331-439b-adc5-1e741721a1e6','normal','[echo 1.0.0] instance e2d781db-92d0-47cd-8ade-1bcacda79a63 is ready',1795810070482);
INSERT INTO "events" VALUES(14,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','[echo 1.0.0] instance bbb4a948-e393-49be-8fd8-d03a8a7d8eb4 is ready',1795810070487);
INSERT INTO "events" VALUES(15,'5b941128-8331-439b-adc5-1e741721a1e6','normal','service started',1795810070494);
INSERT INTO "events" VALUES(16,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','service started',1795810070502);
INSERT INTO "events" VALUES(17,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','abnormal','[broken 1.0.0] instance 404526f3-010b-406f-b230-60e02ac6b169 ended: exited with status 3',1795810070577);
INSERT INTO "events" VALUES(18,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','[broken 1.0.0] schedule resource success',1795810071580);
INSERT INTO "events" VALUES(19,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','normal','[broken 1.0.0] starting model',1795810071580);
INSERT INTO "events" VALUES(20,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','abnormal','[broken 1.0.0] instance d29aa225-f839-4b74-9970-b926fa28c5ad ended: exited with status 3',1795810071691);
INSERT INTO "events" VALUES(21,'5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810071691);
INSERT INTO "events" VALUES(22,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','service being updated',1795810071762);
INSERT INTO "events" VALUES(23,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','auto stop enabled. The service will stop after 259200 s.',1795810071762);
INSERT INTO "events" VALUES(24,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','[echo 1.1.0] schedule resource success',1795810071778);
INSERT INTO "events" VALUES(25,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','[echo 1.1.0] starting model',1795810071778);
INSERT INTO "events" VALUES(26,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','[echo 1.1.0] instance 7571c5a9-ce0a-4234-9351-0b07f1295e0d is ready',1795810071926);
INSERT INTO "events" VALUES(27,'690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','normal','service updated',1795810071937);
INSERT INTO "events" VALUES(28,'5b941128-8331-439b-adc5-1e741721a1e6','normal','service being stopped',1795810072018);
INSERT INTO "events" VALUES(29,'5b941128-8331-439b-adc5-1e741721a1e6','normal','service stopped',1795810072052);
INSERT INTO "events" VALUES(30,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','start to deploy service',1795810072230);
INSERT INTO "events" VALUES(31,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','task 1 began',1795810072264);
INSERT INTO "events" VALUES(32,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','[echo 1.0.0] schedule resource success',1795810072264);
INSERT INTO "events" VALUES(33,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','[echo 1.0.0] starting model',1795810072264);
INSERT INTO "events" VALUES(34,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','[echo 1.0.0] worker 093e19fa-1906-46a4-a92e-4ea14eb6fa06 is ready',1795810072461);
INSERT INTO "events" VALUES(35,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','service started',1795810072461);
INSERT INTO "events" VALUES(36,'dae6476a-2787-4bf4-8ea1-2f1cae389b94','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810072890);
INSERT INTO "events" VALUES(37,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','start to deploy service',1795810077387);
INSERT INTO "events" VALUES(38,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','task 1 began',1795810077407);
INSERT INTO "events" VALUES(39,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','[echo 1.0.0] schedule resource success',1795810077407);
INSERT INTO "events" VALUES(40,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','[echo 1.0.0] starting model',1795810077407);
INSERT INTO "events" VALUES(41,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','[echo 1.0.0] worker d33cd768-d269-43db-aa61-d2b2b4b185e0 is ready',1795810077585);
INSERT INTO "events" VALUES(42,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','service started',1795810077585);
INSERT INTO "events" VALUES(43,'01d82f75-d01f-4533-9c33-92d9ecd90557','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810077899);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','2549b395e5354781afbe9a22c0f2fc67');
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
INSERT INTO "grants" VALUES('dc62e61e2dc548c5bcf13a581f84718e','b51c0fda8efd4279863ce072a70607b0','admin');
INSERT INTO "grants" VALUES('dc62e61e2dc548c5bcf13a581f84718e','system','admin');
INSERT INTO "grants" VALUES('f585b6831fd847419554eebf9a2737ae','2549b395e5354781afbe9a22c0f2fc67','member');
INSERT INTO "grants" VALUES('cd22a5177bd8425fb1814737c893eced','2549b395e5354781afbe9a22c0f2fc67','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('b51c0fda8efd4279863ce072a70607b0','POST /v1/{p}/services running','9648b2899b6c1e2e0f5e574b9fb2e79d8b56bf4174b33e4068c865927a476c22',200,'{"body": {"service_id": "690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc", "resource_ids": ["INF-1d8f9cf1-29b5-4a7d-b738-49a0f78cf994"]}, "headers": {"ETag": "\"1.1\""}}',1795896470193);
INSERT INTO "idempotency" VALUES('b51c0fda8efd4279863ce072a70607b0','POST /v1/{p}/services stopped','70b5e7ff87cea2508e5a78c630082a4e569c08c3b2f734a1bb12afa08c554756',200,'{"body": {"service_id": "5b941128-8331-439b-adc5-1e741721a1e6", "resource_ids": ["INF-f92b52ac-ec70-4922-aa0e-b757f62f13af"]}, "headers": {"ETag": "\"1.1\""}}',1795896470224);
INSERT INTO "idempotency" VALUES('b51c0fda8efd4279863ce072a70607b0','POST /v1/{p}/services failed','eb746e109cfacbd415b2e811e992683fcc3f576fddab4d1e115365872ee51710',200,'{"body": {"service_id": "5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9", "resource_ids": ["INF-e6a8fd23-bf0c-4086-a6e7-7f6e6ede4ff2"]}, "headers": {"ETag": "\"1.1\""}}',1795896470281);
INSERT INTO "idempotency" VALUES('b51c0fda8efd4279863ce072a70607b0','POST /v1/{p}/services scores','7a947e008f611657adcf5fdb6cb5902d6472dbe0bed4a4840ae8ce96eb269140',200,'{"body": {"service_id": "dae6476a-2787-4bf4-8ea1-2f1cae389b94", "resource_ids": ["INF-21bef767-3507-467b-828d-912c21bf3c3b"]}, "headers": {"ETag": "\"1.1\""}}',1795896472230);
INSERT INTO "idempotency" VALUES('b51c0fda8efd4279863ce072a70607b0','POST /v1/{p}/services again','a5b185f921d03eaadc8ec3a47af48dd71d63ade3ca869b00f51841a88a225664',200,'{"body": {"service_id": "01d82f75-d01f-4533-9c33-92d9ecd90557", "resource_ids": ["INF-66c33107-1665-4d1d-9525-37ffba43ef6d"]}, "headers": {"ETag": "\"1.1\""}}',1795896477387);
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
INSERT INTO "instances" VALUES('bbb4a948-e393-49be-8fd8-d03a8a7d8eb4','690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',1,1,'84e6d5f1842ee79e','ready',1795810070222,1795810070486,1795810070486,'','','unix:instances/bbb4a948-e393-49be-8fd8-d03a8a7d8eb4/s.sock');
INSERT INTO "instances" VALUES('7571c5a9-ce0a-4234-9351-0b07f1295e0d','690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',2,2,'0cf1a4a5fe8f6b86','ready',1795810071778,1795810071926,1795810071926,'','','unix:instances/7571c5a9-ce0a-4234-9351-0b07f1295e0d/s.sock');
CREATE TABLE log_channels (
	stream_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	service_name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	since_ms BIGINT NOT NULL, 
	CONSTRAINT pk_log_channels PRIMARY KEY (stream_id, service_id), 
	CONSTRAINT fk_log_channels_stream_id FOREIGN KEY(stream_id) REFERENCES log_streams (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE log_exports (
	target VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_log_exports PRIMARY KEY (target, service_id)
);
CREATE TABLE log_groups (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	ttl_days INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_log_groups PRIMARY KEY (id), 
	CONSTRAINT uq_log_groups_project_id_name UNIQUE (project_id, name)
);
CREATE TABLE log_streams (
	id VARCHAR NOT NULL, 
	group_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	ttl_days INTEGER, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_log_streams PRIMARY KEY (id), 
	CONSTRAINT uq_log_streams_group_id_name UNIQUE (group_id, name), 
	CONSTRAINT fk_log_streams_group_id FOREIGN KEY(group_id) REFERENCES log_groups (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE messages (
	number INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	topic_urn VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	occurrence INTEGER, 
	type VARCHAR NOT NULL, 
	subject TEXT NOT NULL, 
	text TEXT NOT NULL, 
	texts JSON NOT NULL, 
	facts JSON NOT NULL, 
	created_ms BIGINT NOT NULL, 
	expires_ms BIGINT, 
	CONSTRAINT pk_messages PRIMARY KEY (number), 
	CONSTRAINT uq_messages_id UNIQUE (id), 
	CONSTRAINT fk_messages_topic_urn FOREIGN KEY(topic_urn) REFERENCES topics (urn) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
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
INSERT INTO "models" VALUES('d5c6218d-1b1f-459f-b9c5-5db6336e11fd','b51c0fda8efd4279863ce072a70607b0','echo','1.0.0','Custom','/models/echo','dc62e61e2dc548c5bcf13a581f84718e',1795810069678,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('d5c3ff25-fbdd-4b7e-99d8-01d1e4efb621','b51c0fda8efd4279863ce072a70607b0','broken','1.0.0','Custom','/models/broken','dc62e61e2dc548c5bcf13a581f84718e',1795810069810,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('e1fac61d-5dd5-48eb-bdc6-62607aa3120a','b51c0fda8efd4279863ce072a70607b0','echo','1.1.0','Custom','/models/echo','dc62e61e2dc548c5bcf13a581f84718e',1795810069940,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('a5790f32-b813-4a9e-8e02-e0aa7ceae784','b51c0fda8efd4279863ce072a70607b0','missing','1.0.0','Custom','/models/missing','dc62e61e2dc548c5bcf13a581f84718e',1795810070068,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('73bea578-27ef-4a17-a22f-5e89a07e2ff7','2549b395e5354781afbe9a22c0f2fc67','lab','running',1795810069647,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('b51c0fda8efd4279863ce072a70607b0','local','f71e11b557d4410e90090efa026fe4be','modelyard',1);
INSERT INTO "projects" VALUES('2549b395e5354781afbe9a22c0f2fc67','research','f71e11b557d4410e90090efa026fe4be','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('2549b395e5354781afbe9a22c0f2fc67','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',1,'d5c6218d-1b1f-459f-b9c5-5db6336e11fd');
INSERT INTO "revision_models" VALUES('5b941128-8331-439b-adc5-1e741721a1e6',1,'d5c6218d-1b1f-459f-b9c5-5db6336e11fd');
INSERT INTO "revision_models" VALUES('5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9',1,'d5c3ff25-fbdd-4b7e-99d8-01d1e4efb621');
INSERT INTO "revision_models" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',2,'d5c6218d-1b1f-459f-b9c5-5db6336e11fd');
INSERT INTO "revision_models" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',2,'e1fac61d-5dd5-48eb-bdc6-62607aa3120a');
INSERT INTO "revision_models" VALUES('dae6476a-2787-4bf4-8ea1-2f1cae389b94',1,'d5c6218d-1b1f-459f-b9c5-5db6336e11fd');
INSERT INTO "revision_models" VALUES('01d82f75-d01f-4533-9c33-92d9ecd90557',1,'d5c6218d-1b1f-459f-b9c5-5db6336e11fd');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',1,1795810070193,'{"variants":[{"track":1,"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","model_name":"echo","model_version":"1.0.0","template":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"XfpYIgHeE5iGAlXw8OVbmVFuiif2x9GHjDi5YbKl1c0trz+13tlofQ8dolfTnZH1XWVApG7IydrNeMTjPoggT9Ad3FZf5YHTQ5BAzIC81iuf4ckmaRoiwodnquhp/550sSditTImBEBIkhYezdSXpVrytJOH7mMGJIgq"}');
INSERT INTO "revisions" VALUES('5b941128-8331-439b-adc5-1e741721a1e6',1,1795810070224,'{"variants":[{"track":1,"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","model_name":"echo","model_version":"1.0.0","template":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9',1,1795810070281,'{"variants":[{"track":1,"model_id":"d5c3ff25-fbdd-4b7e-99d8-01d1e4efb621","model_name":"broken","model_version":"1.0.0","template":{"model_id":"d5c3ff25-fbdd-4b7e-99d8-01d1e4efb621","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"d5c3ff25-fbdd-4b7e-99d8-01d1e4efb621","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',2,1795810071762,'{"variants":[{"track":1,"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","model_name":"echo","model_version":"1.0.0","template":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"e1fac61d-5dd5-48eb-bdc6-62607aa3120a","model_name":"echo","model_version":"1.1.0","template":{"model_id":"e1fac61d-5dd5-48eb-bdc6-62607aa3120a","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"e1fac61d-5dd5-48eb-bdc6-62607aa3120a","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"YmshjNf092daktPR5SkH5I1EpDsr++wYd0RW1ND7wqoJMD0Oy3FhGFo6mcSBc8ttoYFmIJW1MFsDFXRB/zHtMlB6ENe0A4NlCzN0VMr5MVYS3FMRz+zW5pvyw6ynAUb4rlRnpi4grwvvH+YUlGyHx9t6RbgihWkuGmZQQ6EAVNojFeFRag=="}');
INSERT INTO "revisions" VALUES('dae6476a-2787-4bf4-8ea1-2f1cae389b94',1,1795810072230,'{"variants":[{"track":1,"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","model_name":"echo","model_version":"1.0.0","template":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/scores/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/scores/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
INSERT INTO "revisions" VALUES('01d82f75-d01f-4533-9c33-92d9ecd90557',1,1795810077387,'{"variants":[{"track":1,"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","model_name":"echo","model_version":"1.0.0","template":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/again/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"d5c6218d-1b1f-459f-b9c5-5db6336e11fd","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/again/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('cd22a5177bd8425fb1814737c893eced',1795810069603);
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
INSERT INTO "rollouts" VALUES('1d8f9cf1-29b5-4a7d-b738-49a0f78cf994','690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',1,'deploy',1,NULL,1795810070193,'success',0,'',1795810070502);
INSERT INTO "rollouts" VALUES('f92b52ac-ec70-4922-aa0e-b757f62f13af','5b941128-8331-439b-adc5-1e741721a1e6',1,'deploy',1,NULL,1795810070224,'success',0,'',1795810070494);
INSERT INTO "rollouts" VALUES('e6a8fd23-bf0c-4086-a6e7-7f6e6ede4ff2','5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9',1,'deploy',1,NULL,1795810070281,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810071691);
INSERT INTO "rollouts" VALUES('36185252-8376-49cc-911c-28e42fb5ff32','690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc',2,'update',2,1,1795810071762,'success',1,'',1795810071937);
INSERT INTO "rollouts" VALUES('21bef767-3507-467b-828d-912c21bf3c3b','dae6476a-2787-4bf4-8ea1-2f1cae389b94',1,'deploy',1,NULL,1795810072230,'success',1,'',1795810072461);
INSERT INTO "rollouts" VALUES('66c33107-1665-4d1d-9525-37ffba43ef6d','01d82f75-d01f-4533-9c33-92d9ecd90557',1,'deploy',1,NULL,1795810077387,'success',1,'',1795810077585);
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
INSERT INTO "services" VALUES('690034f0-fe2a-4f0c-8ab4-bc7988e0b7dc','b51c0fda8efd4279863ce072a70607b0','running','real-time','dc62e61e2dc548c5bcf13a581f84718e',1795810070193,'running',2,2,0,'in use','0','running','',1795810071762,1795810071937,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069271762);
INSERT INTO "services" VALUES('5b941128-8331-439b-adc5-1e741721a1e6','b51c0fda8efd4279863ce072a70607b0','stopped','real-time','dc62e61e2dc548c5bcf13a581f84718e',1795810070224,'stopped',1,1,0,'','0','stopped','',1795810070224,1795810072052,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('5d4cbe9a-e093-443b-88bb-4f7de1a2fdf9','b51c0fda8efd4279863ce072a70607b0','failed','real-time','dc62e61e2dc548c5bcf13a581f84718e',1795810070281,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810070281,1795810071691,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('dae6476a-2787-4bf4-8ea1-2f1cae389b94','b51c0fda8efd4279863ce072a70607b0','scores','batch','dc62e61e2dc548c5bcf13a581f84718e',1795810072230,'running',1,1,0,'','0','finished','',1795810072230,1795810072890,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('01d82f75-d01f-4533-9c33-92d9ecd90557','b51c0fda8efd4279863ce072a70607b0','again','batch','dc62e61e2dc548c5bcf13a581f84718e',1795810077387,'running',1,1,0,'','0','finished','',1795810077387,1795810077899,60.0,12582912,1,'{}',NULL);
CREATE TABLE subscriptions (
	urn VARCHAR NOT NULL, 
	topic_urn VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	protocol VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	remark TEXT NOT NULL, 
	format VARCHAR NOT NULL, 
	sealed BLOB NOT NULL, 
	token VARCHAR NOT NULL, 
	confirm_until_ms BIGINT NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_subscriptions PRIMARY KEY (urn), 
	CONSTRAINT fk_subscriptions_topic_urn FOREIGN KEY(topic_urn) REFERENCES topics (urn) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE topics (
	urn VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	display_name TEXT NOT NULL, 
	created_ms BIGINT NOT NULL, 
	updated_ms BIGINT NOT NULL, 
	CONSTRAINT pk_topics PRIMARY KEY (urn), 
	CONSTRAINT uq_topics_project_id_name UNIQUE (project_id, name)
);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('dc62e61e2dc548c5bcf13a581f84718e','admin','f71e11b557d4410e90090efa026fe4be','$argon2id$v=19$m=19456,t=2,p=1$I388R5AXBkR36nq+14nSNw$8+opzr49/Li0/G0+RHay8/SiV+TkzpWVzoQ+Hj/x9Dk',1);
INSERT INTO "users" VALUES('f585b6831fd847419554eebf9a2737ae','ada','f71e11b557d4410e90090efa026fe4be','$argon2id$v=19$m=19456,t=2,p=1$30ipnhetP/Se7YbpDqp9ag$h2Uip5zykAJiYB/+qsVYb+QUKHUmzlHzU4cwU85Ck2Y',1);
INSERT INTO "users" VALUES('cd22a5177bd8425fb1814737c893eced','bob','f71e11b557d4410e90090efa026fe4be','$argon2id$v=19$m=19456,t=2,p=1$rqL2k/OYCEtirK54hrcthg$gYBewqGideEc/x1qq4/SxfoVIGUjd/1CBe2HqpDPDEc',0);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_services_project_id_created_ms ON services (project_id, created_ms);
CREATE INDEX ix_services_due_ms ON services (due_ms);
CREATE INDEX ix_services_project_id_transition_ms ON services (project_id, transition_ms);
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
CREATE INDEX ix_log_streams_project_id ON log_streams (project_id);
CREATE INDEX ix_subscriptions_topic_urn_created_ms ON subscriptions (topic_urn, created_ms);
CREATE INDEX ix_subscriptions_project_id_created_ms ON subscriptions (project_id, created_ms);
CREATE INDEX ix_subscriptions_token ON subscriptions (token);
CREATE INDEX ix_messages_created_ms ON messages (created_ms);
CREATE INDEX ix_messages_topic_urn ON messages (topic_urn);
CREATE INDEX ix_batch_sources_task_id_result ON batch_sources (task_id, result);
CREATE INDEX ix_batch_splits_task_id_state_source_start ON batch_splits (task_id, state, source, start);
CREATE INDEX ix_log_channels_service_id ON log_channels (service_id);
CREATE INDEX ix_deliveries_number ON deliveries (number);
CREATE INDEX ix_deliveries_state_subscription_urn_service_id_number ON deliveries (state, subscription_urn, service_id, number);
COMMIT;
