BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('5MGO4BYSVV0T11ELGWPJ','20ca15765ce14ff3a6be3b3a7600a4ae','43e32643866c42a78dc4ccfae6a929fb',X'CA3CDAD51FAD5282F1CB3400A94FACA6EE52C88267A828C3AA9C4DED7499F89094B33EA6CEA4A1F6EDF016ABBDF1C0AC7A2A2EE7A19BA2084180746147A142079B4872D2');
INSERT INTO "access_keys" VALUES('ZDHWYNLL0LFJ5G2KV57L','8a4937264fd54e409e56b1c5684c9993','1ece1e84be214dbd9d0566221cf60a3e',X'63796E5055893F3F1218FDE4A2E6560AACAA2F7B8231F264C3946EBA7C16C6BFB3FF5AC15CC35457D5D54B2F908FB61C44966225B91F6F212079A1DBAFAD272D208B4C66');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('597a4422-b5e4-46db-9854-18f62f381c61','b4ca2195-185b-4e03-b7df-62d90face85a');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('91bdcecc6bfb5b9f53e63b5e294b80e1c47f56c3cbc165810ddaabf0a168625e','597a4422-b5e4-46db-9854-18f62f381c61',X'CA706A6FF776398AD93496692124E1C160CBFEC2DEC36291DC5C9F8C7BD83758BD2BB8D6F89566AFC50B17DD8D34FDB8246EF51C3D8DD4D4C1A4874BA1208506412F6F620B60B9FCDE9E27697351A6BF469524DC97DEED1CA8AB47BF',1795810028934);
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
INSERT INTO "apps" VALUES('597a4422-b5e4-46db-9854-18f62f381c61','43e32643866c42a78dc4ccfae6a929fb','shop','','20ca15765ce14ff3a6be3b3a7600a4ae',1795810028934);
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
INSERT INTO "batch_sources" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c3877-18ebffb4ec2408d0-18','few.csv_result.txt','','2c38d5-18ebffb4ff3b921e-86');
INSERT INTO "batch_sources" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c3879-18ebffb4ec280806-442','more.csv_result.txt','','2c38d4-18ebffb4ff789b1e-da2');
INSERT INTO "batch_sources" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c3877-18ebffb4ec2408d0-18','few.csv_result.txt','','2c2468-18ebffb626ed89cb-86');
INSERT INTO "batch_sources" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c3879-18ebffb4ec280806-442','more.csv_result.txt','','2c2469-18ebffb627112fc3-da2');
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
INSERT INTO "batch_splits" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',0,0,24,0,4,'published',1,0,'',1,'',134,199,0);
INSERT INTO "batch_splits" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',1,0,310,0,64,'published',1,0,'',0,'',1078,1078,0);
INSERT INTO "batch_splits" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',1,310,658,64,64,'published',1,0,'',0,'',1116,1116,0);
INSERT INTO "batch_splits" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',1,658,1042,128,64,'published',1,0,'',0,'',1152,1152,0);
INSERT INTO "batch_splits" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e',1,1042,1090,192,8,'published',1,0,'',0,'',144,144,0);
INSERT INTO "batch_splits" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',0,0,24,0,4,'published',1,0,'',1,'',134,199,0);
INSERT INTO "batch_splits" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',1,0,310,0,64,'published',1,0,'',0,'',1078,1078,0);
INSERT INTO "batch_splits" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',1,310,658,64,64,'published',1,0,'',0,'',1116,1116,0);
INSERT INTO "batch_splits" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',1,658,1042,128,64,'published',1,0,'',0,'',1152,1152,0);
INSERT INTO "batch_splits" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c',1,1042,1090,192,8,'published',1,0,'',0,'',144,144,0);
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
INSERT INTO "batch_tasks" VALUES('12b97604-46ca-44b1-9862-bf7f766b3d9e','fe8287e7-db1b-44f7-8340-f0ca3aa053ce',1,1,'a4289c4b-433c-4d9f-ba2e-07eb6fbd32f8',1795810028996,'finished',1795810029178,1795810029325,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,5,5,204,203,1);
INSERT INTO "batch_tasks" VALUES('bb04fc12-e56f-4d92-9770-413911e00b7c','977119b6-7565-41fa-a7c9-93f320a5089c',1,1,'0057336b-4649-4260-a1c9-8e3afd3e0641',1795810034024,'finished',1795810034165,1795810034259,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,5,5,204,203,1);
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','1ece1e84be214dbd9d0566221cf60a3e');
INSERT INTO "buckets" VALUES('far','1ece1e84be214dbd9d0566221cf60a3e');
INSERT INTO "buckets" VALUES('input','43e32643866c42a78dc4ccfae6a929fb');
INSERT INTO "buckets" VALUES('output','43e32643866c42a78dc4ccfae6a929fb');
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
INSERT INTO "counters" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a',1,0,'20507-1795810025713',1,0);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','start to deploy service',1795810026694);
INSERT INTO "events" VALUES(2,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','start to deploy service',1795810026720);
INSERT INTO "events" VALUES(3,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','[echo 1.0.0] schedule resource success',1795810026721);
INSERT INTO "events" VALUES(4,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','[echo 1.0.0] starting model',1795810026721);
INSERT INTO "events" VALUES(5,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','start to deploy service',1795810026740);
INSERT INTO "events" VALUES(6,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','[echo 1.0.0] schedule resource success',1795810026740);
INSERT INTO "events" VALUES(7,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','[echo 1.0.0] starting model',1795810026740);
INSERT INTO "events" VALUES(8,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','[broken 1.0.0] schedule resource success',1795810026781);
INSERT INTO "events" VALUES(9,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','[broken 1.0.0] starting model',1795810026781);
INSERT INTO "events" VALUES(10,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','[echo 1.0.0] instance 2f0afab9-8ee9-4fe7-b046-bc9fd40595f7 is ready',1795810027004);
INSERT INTO "events" VALUES(11,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','service started',1795810027017);
INSERT INTO "events" VALUES(12,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','[echo 1.0.0] instance e69b5267-6741-4b65-944e-08bcee3487a0 is ready',1795810027028);
INSERT INTO "events" VALUES(13,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','service started',1795810027051);
INSERT INTO "events" VALUES(14,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','abnormal','[broken 1.0.0] instance d32f39b8-d100-41f1-93bf-c2efbf22961b ended: exited with status 3',1795810027075);
INSERT INTO "events" VALUES(15,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','[broken 1.0.0] schedule resource success',1795810027075);
INSERT INTO "events" VALUES(16,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','[broken 1.0.0] starting model',1795810027075);
INSERT INTO "events" VALUES(17,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','abnormal','[broken 1.0.0] instance 75f2b5f0-49d0-4ca0-9a78-940be57a55cc ended: exited with status 3',1795810027224);
INSERT INTO "events" VALUES(18,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','[broken 1.0.0] schedule resource success',1795810028228);
INSERT INTO "events" VALUES(19,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','normal','[broken 1.0.0] starting model',1795810028228);
INSERT INTO "events" VALUES(20,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','abnormal','[broken 1.0.0] instance 42357df5-a605-40a1-9f9a-8a27dd16da2d ended: exited with status 3',1795810028380);
INSERT INTO "events" VALUES(21,'06cf2241-1cc8-472f-9cfe-5669cf219c3c','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810028380);
INSERT INTO "events" VALUES(22,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','service being updated',1795810028425);
INSERT INTO "events" VALUES(23,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','auto stop enabled. The service will stop after 259200 s.',1795810028425);
INSERT INTO "events" VALUES(24,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','[echo 1.1.0] schedule resource success',1795810028435);
INSERT INTO "events" VALUES(25,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','[echo 1.1.0] starting model',1795810028435);
INSERT INTO "events" VALUES(26,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','[echo 1.1.0] instance e00ea332-2169-4e77-945f-6663113064e1 is ready',1795810028689);
INSERT INTO "events" VALUES(27,'b4ca2195-185b-4e03-b7df-62d90face85a','normal','service updated',1795810028702);
INSERT INTO "events" VALUES(28,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','service being stopped',1795810028807);
INSERT INTO "events" VALUES(29,'5dbed033-7685-4e55-9644-71bd750fd5f8','normal','service stopped',1795810028844);
INSERT INTO "events" VALUES(30,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','start to deploy service',1795810028974);
INSERT INTO "events" VALUES(31,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','task 1 began',1795810028996);
INSERT INTO "events" VALUES(32,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','[echo 1.0.0] schedule resource success',1795810028996);
INSERT INTO "events" VALUES(33,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','[echo 1.0.0] starting model',1795810028996);
INSERT INTO "events" VALUES(34,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','[echo 1.0.0] worker 233a1827-5600-40d9-9dbe-de9a87aee57b is ready',1795810029168);
INSERT INTO "events" VALUES(35,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','service started',1795810029168);
INSERT INTO "events" VALUES(36,'fe8287e7-db1b-44f7-8340-f0ca3aa053ce','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810029330);
INSERT INTO "events" VALUES(37,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','start to deploy service',1795810034009);
INSERT INTO "events" VALUES(38,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','task 1 began',1795810034024);
INSERT INTO "events" VALUES(39,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','[echo 1.0.0] schedule resource success',1795810034024);
INSERT INTO "events" VALUES(40,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','[echo 1.0.0] starting model',1795810034024);
INSERT INTO "events" VALUES(41,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','[echo 1.0.0] worker 06077733-3140-472d-bbba-fc384551f3d7 is ready',1795810034159);
INSERT INTO "events" VALUES(42,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','service started',1795810034159);
INSERT INTO "events" VALUES(43,'977119b6-7565-41fa-a7c9-93f320a5089c','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810034265);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','1ece1e84be214dbd9d0566221cf60a3e');
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
INSERT INTO "grants" VALUES('20ca15765ce14ff3a6be3b3a7600a4ae','43e32643866c42a78dc4ccfae6a929fb','admin');
INSERT INTO "grants" VALUES('20ca15765ce14ff3a6be3b3a7600a4ae','system','admin');
INSERT INTO "grants" VALUES('8a4937264fd54e409e56b1c5684c9993','1ece1e84be214dbd9d0566221cf60a3e','member');
INSERT INTO "grants" VALUES('8f1a60522ff94636ba51ef9796543877','1ece1e84be214dbd9d0566221cf60a3e','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('43e32643866c42a78dc4ccfae6a929fb','POST /v1/{p}/services running','cfbbcda78d958239d791950262a33c55498045c73c662286be49f1f71e97eefd',200,'{"body": {"service_id": "b4ca2195-185b-4e03-b7df-62d90face85a", "resource_ids": ["INF-8a295bc5-577a-4b78-9eed-4988fc25226e"]}, "headers": {"ETag": "\"1.1\""}}',1795896426694);
INSERT INTO "idempotency" VALUES('43e32643866c42a78dc4ccfae6a929fb','POST /v1/{p}/services stopped','33eed3d79fc5ff83bc2bc68232b4d3d4c2a8650e2d34acd4eb1bb0ac5d81c4c9',200,'{"body": {"service_id": "5dbed033-7685-4e55-9644-71bd750fd5f8", "resource_ids": ["INF-f38302bc-13c2-4c11-8834-d892541d355b"]}, "headers": {"ETag": "\"1.1\""}}',1795896426720);
INSERT INTO "idempotency" VALUES('43e32643866c42a78dc4ccfae6a929fb','POST /v1/{p}/services failed','c2e806863227d9b20d6889d5b946226f963f1c05944f507fe0d02fd32bbabc58',200,'{"body": {"service_id": "06cf2241-1cc8-472f-9cfe-5669cf219c3c", "resource_ids": ["INF-a33bf968-d875-475f-ac09-21771a90720b"]}, "headers": {"ETag": "\"1.1\""}}',1795896426740);
INSERT INTO "idempotency" VALUES('43e32643866c42a78dc4ccfae6a929fb','POST /v1/{p}/services scores','2245f21a74697b43d913e2f960ac5c339dcb0609954041f823b51889d5f1e3db',200,'{"body": {"service_id": "fe8287e7-db1b-44f7-8340-f0ca3aa053ce", "resource_ids": ["INF-a4289c4b-433c-4d9f-ba2e-07eb6fbd32f8"]}, "headers": {"ETag": "\"1.1\""}}',1795896428974);
INSERT INTO "idempotency" VALUES('43e32643866c42a78dc4ccfae6a929fb','POST /v1/{p}/services again','d61afdfd9603fd26e54940d8c2968448bf09a21c2034e6faed45fa968ad04c86',200,'{"body": {"service_id": "977119b6-7565-41fa-a7c9-93f320a5089c", "resource_ids": ["INF-0057336b-4649-4260-a1c9-8e3afd3e0641"]}, "headers": {"ETag": "\"1.1\""}}',1795896434009);
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
INSERT INTO "instances" VALUES('e69b5267-6741-4b65-944e-08bcee3487a0','b4ca2195-185b-4e03-b7df-62d90face85a',1,1,'3052e9c1fa7cf67d','ready',1795810026720,1795810027028,1795810027028,'','','unix:instances/e69b5267-6741-4b65-944e-08bcee3487a0/s.sock');
INSERT INTO "instances" VALUES('e00ea332-2169-4e77-945f-6663113064e1','b4ca2195-185b-4e03-b7df-62d90face85a',2,2,'0677463301c77cd9','ready',1795810028434,1795810028689,1795810028689,'','','unix:instances/e00ea332-2169-4e77-945f-6663113064e1/s.sock');
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
INSERT INTO "models" VALUES('64c6c0ba-5894-4a42-900e-135295e44674','43e32643866c42a78dc4ccfae6a929fb','echo','1.0.0','Custom','/models/echo','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026176,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('484e38ec-9767-44c1-a7d9-42f56410d70d','43e32643866c42a78dc4ccfae6a929fb','broken','1.0.0','Custom','/models/broken','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026318,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('6fbae3b3-d82b-4f87-b1b5-2e936030c8ea','43e32643866c42a78dc4ccfae6a929fb','echo','1.1.0','Custom','/models/echo','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026447,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('edfbacc5-e48c-4473-923f-fc73ac719fff','43e32643866c42a78dc4ccfae6a929fb','missing','1.0.0','Custom','/models/missing','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026572,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('2ed69bcd-342c-4533-aab6-7e4f7fcada73','1ece1e84be214dbd9d0566221cf60a3e','lab','running',1795810026147,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('43e32643866c42a78dc4ccfae6a929fb','local','3c82f6efd2804392bffd1e3967b52858','modelyard',1);
INSERT INTO "projects" VALUES('1ece1e84be214dbd9d0566221cf60a3e','research','3c82f6efd2804392bffd1e3967b52858','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('1ece1e84be214dbd9d0566221cf60a3e','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a',1,'64c6c0ba-5894-4a42-900e-135295e44674');
INSERT INTO "revision_models" VALUES('5dbed033-7685-4e55-9644-71bd750fd5f8',1,'64c6c0ba-5894-4a42-900e-135295e44674');
INSERT INTO "revision_models" VALUES('06cf2241-1cc8-472f-9cfe-5669cf219c3c',1,'484e38ec-9767-44c1-a7d9-42f56410d70d');
INSERT INTO "revision_models" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a',2,'64c6c0ba-5894-4a42-900e-135295e44674');
INSERT INTO "revision_models" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a',2,'6fbae3b3-d82b-4f87-b1b5-2e936030c8ea');
INSERT INTO "revision_models" VALUES('fe8287e7-db1b-44f7-8340-f0ca3aa053ce',1,'64c6c0ba-5894-4a42-900e-135295e44674');
INSERT INTO "revision_models" VALUES('977119b6-7565-41fa-a7c9-93f320a5089c',1,'64c6c0ba-5894-4a42-900e-135295e44674');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a',1,1795810026694,'{"variants":[{"track":1,"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","model_name":"echo","model_version":"1.0.0","template":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"aANOCzBocfQsevYKZ7cndSZzZIV6fm8jEeauzAqiRLQvnG6znHOc9wkDGgHCNNKHdB0XYk9c1NQP20sCk8ltU6h/5mFwPNA8U4rm4S9/Qz+x8SUJitSiY8XjfxeLwsMpbw45KiwJ+GUvyjX21Qw1sdEROvIHp4F2zetH"}');
INSERT INTO "revisions" VALUES('5dbed033-7685-4e55-9644-71bd750fd5f8',1,1795810026720,'{"variants":[{"track":1,"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","model_name":"echo","model_version":"1.0.0","template":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('06cf2241-1cc8-472f-9cfe-5669cf219c3c',1,1795810026740,'{"variants":[{"track":1,"model_id":"484e38ec-9767-44c1-a7d9-42f56410d70d","model_name":"broken","model_version":"1.0.0","template":{"model_id":"484e38ec-9767-44c1-a7d9-42f56410d70d","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"484e38ec-9767-44c1-a7d9-42f56410d70d","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a',2,1795810028425,'{"variants":[{"track":1,"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","model_name":"echo","model_version":"1.0.0","template":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"6fbae3b3-d82b-4f87-b1b5-2e936030c8ea","model_name":"echo","model_version":"1.1.0","template":{"model_id":"6fbae3b3-d82b-4f87-b1b5-2e936030c8ea","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"6fbae3b3-d82b-4f87-b1b5-2e936030c8ea","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"K1oQZHkaTxA6BEV9/t/NWDCgRqy10ltmDNTOPq4UIkyIKhU3OGlIs/lfTceXg5yhZPAHsJYp7B/WV1sPcIuedgRHdFfgBmQVmjOt8Q3P9GCDNHAM5MjX7DqdzxTTQA6lxy5ik/nG13pMpoLYR1YSy0RYyH6LlCFftuD/tCVYSdk2e2S8rA=="}');
INSERT INTO "revisions" VALUES('fe8287e7-db1b-44f7-8340-f0ca3aa053ce',1,1795810028974,'{"variants":[{"track":1,"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","model_name":"echo","model_version":"1.0.0","template":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/scores/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/scores/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
INSERT INTO "revisions" VALUES('977119b6-7565-41fa-a7c9-93f320a5089c',1,1795810034009,'{"variants":[{"track":1,"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","model_name":"echo","model_version":"1.0.0","template":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/again/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"64c6c0ba-5894-4a42-900e-135295e44674","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/again/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('8f1a60522ff94636ba51ef9796543877',1795810026103);
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
INSERT INTO "rollouts" VALUES('8a295bc5-577a-4b78-9eed-4988fc25226e','b4ca2195-185b-4e03-b7df-62d90face85a',1,'deploy',1,NULL,1795810026694,'success',0,'',1795810027051);
INSERT INTO "rollouts" VALUES('f38302bc-13c2-4c11-8834-d892541d355b','5dbed033-7685-4e55-9644-71bd750fd5f8',1,'deploy',1,NULL,1795810026720,'success',0,'',1795810027017);
INSERT INTO "rollouts" VALUES('a33bf968-d875-475f-ac09-21771a90720b','06cf2241-1cc8-472f-9cfe-5669cf219c3c',1,'deploy',1,NULL,1795810026740,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810028380);
INSERT INTO "rollouts" VALUES('3793894f-5e41-4988-8754-a289b2f0a789','b4ca2195-185b-4e03-b7df-62d90face85a',2,'update',2,1,1795810028425,'success',1,'',1795810028702);
INSERT INTO "rollouts" VALUES('a4289c4b-433c-4d9f-ba2e-07eb6fbd32f8','fe8287e7-db1b-44f7-8340-f0ca3aa053ce',1,'deploy',1,NULL,1795810028974,'success',1,'',1795810029168);
INSERT INTO "rollouts" VALUES('0057336b-4649-4260-a1c9-8e3afd3e0641','977119b6-7565-41fa-a7c9-93f320a5089c',1,'deploy',1,NULL,1795810034009,'success',1,'',1795810034159);
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
INSERT INTO "services" VALUES('b4ca2195-185b-4e03-b7df-62d90face85a','43e32643866c42a78dc4ccfae6a929fb','running','real-time','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026694,'running',2,2,0,'in use','0','running','',1795810028425,1795810028702,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069228425);
INSERT INTO "services" VALUES('5dbed033-7685-4e55-9644-71bd750fd5f8','43e32643866c42a78dc4ccfae6a929fb','stopped','real-time','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026720,'stopped',1,1,0,'','0','stopped','',1795810026720,1795810028844,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('06cf2241-1cc8-472f-9cfe-5669cf219c3c','43e32643866c42a78dc4ccfae6a929fb','failed','real-time','20ca15765ce14ff3a6be3b3a7600a4ae',1795810026740,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810026740,1795810028380,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('fe8287e7-db1b-44f7-8340-f0ca3aa053ce','43e32643866c42a78dc4ccfae6a929fb','scores','batch','20ca15765ce14ff3a6be3b3a7600a4ae',1795810028974,'running',1,1,0,'','0','finished','',1795810028974,1795810029330,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('977119b6-7565-41fa-a7c9-93f320a5089c','43e32643866c42a78dc4ccfae6a929fb','again','batch','20ca15765ce14ff3a6be3b3a7600a4ae',1795810034009,'running',1,1,0,'','0','finished','',1795810034009,1795810034265,60.0,12582912,1,'{}',NULL);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('20ca15765ce14ff3a6be3b3a7600a4ae','admin','3c82f6efd2804392bffd1e3967b52858','$argon2id$v=19$m=19456,t=2,p=1$Qp2JM0Wl0cnrBxoS24CLqw$UOOULfM4lQnsBKWAohTjXmNoQWYCXlVQScFNM2vY/Bs',1);
INSERT INTO "users" VALUES('8a4937264fd54e409e56b1c5684c9993','ada','3c82f6efd2804392bffd1e3967b52858','$argon2id$v=19$m=19456,t=2,p=1$UYy55+64Y+t17zdl8/3+cg$JONNQS+d7d8I8j1VUvehsdWWtqNYnDGllFLr+41yafQ',1);
INSERT INTO "users" VALUES('8f1a60522ff94636ba51ef9796543877','bob','3c82f6efd2804392bffd1e3967b52858','$argon2id$v=19$m=19456,t=2,p=1$8zrgsXmGTd6qZ6YvcuOrkA$plLKbD9v5LjOz8UxdVuwJ+si1MuXI1f/ie+GQs4rIB0',0);
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
CREATE INDEX ix_batch_sources_task_id_result ON batch_sources (task_id, result);
CREATE INDEX ix_batch_splits_task_id_state_source_start ON batch_splits (task_id, state, source, start);
COMMIT;
