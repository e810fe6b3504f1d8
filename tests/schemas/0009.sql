BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('Y1SY0W7WS8MAHS2H1CCI','6f44dc55dfcf41dc9463db5ef6da6289','da5d20b01bd4461088fc994149717ef2',X'E221D7EAE6A29656AA412F0424CDE5871E1ECDEE041B9AA14956690CBCC221950AF9DEF198D12ED2194C05892EC23D6AB2E37B892F26D610865443186E479B71F029BFF7');
INSERT INTO "access_keys" VALUES('3CWGS7JEZ5QICDXTY7JU','1ca31b89a66748af9544f2269b4f479a','b82ba9a8330741e7b8c45bd014e59517',X'948A5DB59516DD5FCF061CE3CCB2042DE9DCE0C0D3BC0BB51947B157CDB5FE05A8C41CDA086A1FB3FB4A05DD438A2BA4B27C40ED3CE0349EA916518F7F575C455AD337B9');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('a975eca7-01c5-4278-9bb0-468124fe12a0','8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('0b8a1f089b5201cda08848013a56a7bb44aba1dfb9c33c25a3dbcd87e9968554','a975eca7-01c5-4278-9bb0-468124fe12a0',X'15CB0A9D6D7BA0B242BB6D8B57210F64FEE21A57988B02A22E851B636234EA4350224FBA300698FA67DE361478D4F534512CEBF408B02B306DFA8B720E9332C3E45A53E9582A271FCCEE84223B76160690C09C3646AC37D79AE8B8DA',1795810167150);
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
INSERT INTO "apps" VALUES('a975eca7-01c5-4278-9bb0-468124fe12a0','da5d20b01bd4461088fc994149717ef2','shop','','6f44dc55dfcf41dc9463db5ef6da6289',1795810167150);
CREATE TABLE audit (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at_ms BIGINT NOT NULL, 
	lane VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	user_name VARCHAR NOT NULL, 
	means VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	resource VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	outcome VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	error_code VARCHAR NOT NULL, 
	address VARCHAR NOT NULL, 
	agent VARCHAR NOT NULL, 
	reference VARCHAR NOT NULL, 
	fields JSON NOT NULL, 
	times BIGINT NOT NULL, 
	until_ms BIGINT
);
INSERT INTO "audit" VALUES(1,1795810163361,'installation','','','root','local','modelyard up','','API http://127.0.0.1:45997, gateway http://127.0.0.1:36249','done',0,'','','modelyard 0.1.0','ffcd6a9f496c46ee82b1d37bde9949fb','[]',1,NULL);
INSERT INTO "audit" VALUES(2,1795810163998,'da5d20b01bd4461088fc994149717ef2 logins','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','password','POST /v3/auth/tokens','v3/auth/tokens','','done',201,'','127.0.0.1','python-httpx/0.28.1','99d9615751ec43b9b75223e4453ef8ae','["auth.identity","auth.scope"]',1,NULL);
INSERT INTO "audit" VALUES(3,1795810164014,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v3/projects','v3/projects/b82ba9a8330741e7b8c45bd014e59517','research','done',201,'','127.0.0.1','python-httpx/0.28.1','31566f3ba41141859aeab846bdcb9d10','["project.name"]',1,NULL);
INSERT INTO "audit" VALUES(4,1795810164056,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v3/users','v3/users/1ca31b89a66748af9544f2269b4f479a','ada','done',201,'','127.0.0.1','python-httpx/0.28.1','14180eb37a7544febe0d76f59fe625b2','["user.name","user.password"]',1,NULL);
INSERT INTO "audit" VALUES(5,1795810164151,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v3/users','v3/users/19033d8bb9d743f383f3aba32292b639','bob','done',201,'','127.0.0.1','python-httpx/0.28.1','39ed43ae369b48dc9039017f9ea3bade','["user.name","user.password"]',1,NULL);
INSERT INTO "audit" VALUES(6,1795810164178,'b82ba9a8330741e7b8c45bd014e59517','b82ba9a8330741e7b8c45bd014e59517','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v3/projects/{project_id}/users/{user_id}/roles/{role_id}','v3/projects/b82ba9a8330741e7b8c45bd014e59517/users/1ca31b89a66748af9544f2269b4f479a/roles/member','','done',204,'','127.0.0.1','python-httpx/0.28.1','188edf02d9ca4bac8e3844b1f012a771','[]',1,NULL);
INSERT INTO "audit" VALUES(7,1795810164212,'b82ba9a8330741e7b8c45bd014e59517','b82ba9a8330741e7b8c45bd014e59517','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v3/projects/{project_id}/users/{user_id}/roles/{role_id}','v3/projects/b82ba9a8330741e7b8c45bd014e59517/users/19033d8bb9d743f383f3aba32292b639/roles/invoker','','done',204,'','127.0.0.1','python-httpx/0.28.1','1828d4de01f44fc3b60badb7046787e6','[]',1,NULL);
INSERT INTO "audit" VALUES(8,1795810164236,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PATCH /v3/users/{user_id}','v3/users/19033d8bb9d743f383f3aba32292b639','','done',200,'','127.0.0.1','python-httpx/0.28.1','62913196e5c94618996dcd5c85cfe3da','["user.enabled"]',1,NULL);
INSERT INTO "audit" VALUES(9,1795810164255,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v3.0/OS-CREDENTIAL/credentials','credentials/3CWGS7JEZ5QICDXTY7JU','','done',201,'','127.0.0.1','python-httpx/0.28.1','4343fa46fd9e49aa8f3d662dab2ff9a9','["credential.user_id","credential.project_id","credential.description"]',1,NULL);
INSERT INTO "audit" VALUES(10,1795810164264,'b82ba9a8330741e7b8c45bd014e59517','b82ba9a8330741e7b8c45bd014e59517','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/modelyard/admin/projects/{project_id}/quotas','projects/b82ba9a8330741e7b8c45bd014e59517/quotas','','done',200,'','127.0.0.1','python-httpx/0.28.1','a791b053e9e3489c9b2c34073d75f517','["quotas.real_time_services"]',1,NULL);
INSERT INTO "audit" VALUES(11,1795810164279,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/modelyard/admin/flavors','flavors/lab.small','lab.small','done',200,'','127.0.0.1','python-httpx/0.28.1','47bde88988244a5b85ac96e64f464e10','["name","cpu","memory_mib","open_projects"]',1,NULL);
INSERT INTO "audit" VALUES(12,1795810164288,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/modelyard/admin/pools','pools/17334b77-a143-4f99-9113-1f7bc2099093','lab','done',200,'','127.0.0.1','python-httpx/0.28.1','2290af1108d040a8abc6f0513e7dd648','["name","project_id","nodes"]',1,NULL);
INSERT INTO "audit" VALUES(13,1795810164296,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/images','','done',200,'','127.0.0.1','python-httpx/0.28.1','639eba8ec1ed47bf803017f80917d690','["project_id"]',1,NULL);
INSERT INTO "audit" VALUES(14,1795810164305,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/far','','done',200,'','127.0.0.1','python-httpx/0.28.1','fc215609ee524bbc901913bb6f4de6da','["project_id","endpoint","access_key","secret_key"]',1,NULL);
INSERT INTO "audit" VALUES(15,1795810164315,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v2/{project_id}/notifications/topics','topics/urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts','alerts','done',201,'','127.0.0.1','python-httpx/0.28.1','25512a4aec70429aaad150c3fb9e258a','["name","display_name"]',1,NULL);
INSERT INTO "audit" VALUES(16,1795810164334,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v2/{project_id}/notifications/topics/{topic_urn}/subscriptions','subscriptions/urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts:0642ecc7efcf412aa95af26596f346c4','','done',201,'','127.0.0.1','python-httpx/0.28.1','f62baa3ca031477098d439b32d3f799d','["protocol","endpoint"]',1,NULL);
INSERT INTO "audit" VALUES(17,1795810164350,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v2/{project_id}/groups','groups','','done',201,'','127.0.0.1','python-httpx/0.28.1','1f8949e30d654f1db5a7e324cbde9d0c','["log_group_name","ttl_in_days"]',1,NULL);
INSERT INTO "audit" VALUES(18,1795810164363,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v2/{project_id}/groups/{log_group_id}/streams','groups/fb34de067136985ac2016025d6e433742466764910a7503a1849968340613b9d/streams','','done',201,'','127.0.0.1','python-httpx/0.28.1','11501cac3a5045cdac01e754125b4f62','["log_stream_name"]',1,NULL);
INSERT INTO "audit" VALUES(19,1795810164372,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v2/{project_id}/notifications/topics/{topic_urn}/publish','notifications/topics/urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts/publish','','done',200,'','127.0.0.1','python-httpx/0.28.1','caa80457cfbb4deaa46e44596153a605','["subject","message"]',1,NULL);
INSERT INTO "audit" VALUES(20,1795810164384,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/models','models/9779fcc5-3361-4788-818e-3e33895c6da6','echo/1.0.0','done',200,'','127.0.0.1','python-httpx/0.28.1','6f53835068344bd3b341deb67e038ba3','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(21,1795810164514,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/models','models/3e3262ec-6774-4449-b89d-2a87b05c8130','broken/1.0.0','done',200,'','127.0.0.1','python-httpx/0.28.1','450bfdb70dc14f21afc8a95b2687aefe','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(22,1795810164645,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/models','models/2046b018-e630-4fa9-8e2e-0864c58e6c09','echo/1.1.0','done',200,'','127.0.0.1','python-httpx/0.28.1','19d99e39b42d49158ac15e1325a66821','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(23,1795810164789,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/models','models/929fa764-6725-44ff-beb2-45c2f5860f1e','missing/1.0.0','done',200,'','127.0.0.1','python-httpx/0.28.1','16f932fe3d6549f2a3eccc123aa8559f','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(24,1795810164831,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services','services/8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','running','done',200,'','127.0.0.1','python-httpx/0.28.1','f81133b0fb324462a1bf0bb87e766714','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count","config[].envs","description"]',1,NULL);
INSERT INTO "audit" VALUES(25,1795810164860,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services','services/1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','stopped','done',200,'','127.0.0.1','python-httpx/0.28.1','0dee1dbc72ce4a03921df4b412ab4b87','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count"]',1,NULL);
INSERT INTO "audit" VALUES(26,1795810164942,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services','services/aa71a6e2-495f-4647-a14b-658a424d0a8c','failed','done',200,'','127.0.0.1','python-httpx/0.28.1','f23ebb180c1048d7bd4d4e0e20735946','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count"]',1,NULL);
INSERT INTO "audit" VALUES(27,1795810166772,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/{project_id}/services/{service_id}','services/8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','running','done',200,'','127.0.0.1','python-httpx/0.28.1','0eea61a0cc9c4026b43fc5d522d2e58b','["config[].model_id","config[].weight","config[].specification","config[].instance_count","config[].envs","schedule[].type","schedule[].time_unit","schedule[].duration"]',1,NULL);
INSERT INTO "audit" VALUES(28,1795810167020,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/{project_id}/services/{service_id}','services/1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','stopped','done',200,'','127.0.0.1','python-httpx/0.28.1','b1b65737fb5b426499093995835485f3','["status"]',1,NULL);
INSERT INTO "audit" VALUES(29,1795810167154,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/app-auth/apps','app-auth/apps/a975eca7-01c5-4278-9bb0-468124fe12a0','shop','done',200,'','127.0.0.1','python-httpx/0.28.1','76be5df49a604056a0d91c853ec82be1','["name"]',1,NULL);
INSERT INTO "audit" VALUES(30,1795810167164,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services/{service_id}/app-auth-api','services/8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c/app-auth-api','running','done',200,'','127.0.0.1','python-httpx/0.28.1','26da6c476c074b74975711bbe9f686cf','["apps[].app_id"]',1,NULL);
INSERT INTO "audit" VALUES(31,1795810167182,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/input','','done',200,'','127.0.0.1','python-httpx/0.28.1','44df6458f58c415d8f8472c61eba8572','["project_id"]',1,NULL);
INSERT INTO "audit" VALUES(32,1795810167200,'installation','','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/output','','done',200,'','127.0.0.1','python-httpx/0.28.1','568dc53cb4d74f52ba1a974b16a6eefc','["project_id"]',1,NULL);
INSERT INTO "audit" VALUES(33,1795810167222,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services','services/035da5fd-8fab-4e72-8595-046ea07611f4','scores','done',200,'','127.0.0.1','python-httpx/0.28.1','89758f7c7610445b8e29afd873cebe20','["service_name","infer_type","config[].model_id","config[].specification","config[].instance_count","config[].src_path","config[].dest_path","config[].req_uri","config[].mapping_type","config[].mapping_rule"]',1,NULL);
INSERT INTO "audit" VALUES(34,1795810172264,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services','services/0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','again','done',200,'','127.0.0.1','python-httpx/0.28.1','b9471c0c7c1b476b82d9d8dba7cb7490','["service_name","infer_type","config[].model_id","config[].specification","config[].instance_count","config[].src_path","config[].dest_path","config[].req_uri","config[].mapping_type","config[].mapping_rule"]',1,NULL);
INSERT INTO "audit" VALUES(35,1795810172288,'da5d20b01bd4461088fc994149717ef2','da5d20b01bd4461088fc994149717ef2','6f44dc55dfcf41dc9463db5ef6da6289','admin','token','POST /v1/{project_id}/services','services/e38544d4-6073-4ae0-9d99-e01ec0d21016','told','done',200,'','127.0.0.1','python-httpx/0.28.1','7782e8b81ce643049a202e909fdb89d0','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count","additional_properties.smn_notification","additional_properties.log_report_channels"]',1,NULL);
CREATE TABLE audit_cuts (
	lane VARCHAR NOT NULL, 
	number BIGINT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_audit_cuts PRIMARY KEY (lane)
);
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
INSERT INTO "batch_sources" VALUES('52078516-3631-4642-a336-8e103597aaa8',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c6007-18ebffd51a0c2c82-18','few.csv_result.txt','','2c6026-18ebffd52e12e5d0-86');
INSERT INTO "batch_sources" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c6008-18ebffd51a0d6c60-442','more.csv_result.txt','','2c6024-18ebffd52dc978da-da2');
INSERT INTO "batch_sources" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c6007-18ebffd51a0c2c82-18','few.csv_result.txt','','2c62ec-18ebffd65cd12894-86');
INSERT INTO "batch_sources" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c6008-18ebffd51a0d6c60-442','more.csv_result.txt','','2c62ed-18ebffd65d27bc94-da2');
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
	content BLOB, 
	CONSTRAINT pk_batch_splits PRIMARY KEY (task_id, source, start), 
	CONSTRAINT fk_batch_splits_task_id FOREIGN KEY(task_id) REFERENCES batch_tasks (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',0,0,4,0,1,'published',1,0,'',0,'',16,16,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',0,4,8,1,1,'published',1,0,'',0,'',16,16,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',0,8,15,2,1,'published',1,0,'',1,'',83,148,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',0,15,24,3,1,'published',1,0,'',0,'',19,19,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,0,70,0,16,'published',1,0,'',0,'',262,262,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,70,140,16,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,140,210,30,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,210,280,44,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,280,350,58,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,350,420,72,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,420,490,86,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,490,562,100,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,562,634,112,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,634,706,124,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,706,778,136,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,778,850,148,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,850,922,160,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,922,994,172,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('52078516-3631-4642-a336-8e103597aaa8',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',0,0,4,0,1,'published',1,0,'',0,'',16,16,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',0,4,8,1,1,'published',1,0,'',0,'',16,16,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',0,8,15,2,1,'published',1,0,'',1,'',83,148,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',0,15,24,3,1,'published',1,0,'',0,'',19,19,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,0,70,0,16,'published',1,0,'',0,'',262,262,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,70,140,16,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,140,210,30,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,210,280,44,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,280,350,58,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,350,420,72,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,420,490,86,14,'published',1,0,'',0,'',238,238,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,490,562,100,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,562,634,112,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,634,706,124,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,706,778,136,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,778,850,148,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,850,922,160,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,922,994,172,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0,NULL);
INSERT INTO "batch_splits" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0,NULL);
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
INSERT INTO "batch_tasks" VALUES('52078516-3631-4642-a336-8e103597aaa8','035da5fd-8fab-4e72-8595-046ea07611f4',1,1,'0c2c787a-6e29-4c1f-a49b-7806c7a521ed',1795810167231,'finished',1795810167414,1795810167526,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
INSERT INTO "batch_tasks" VALUES('5250fbb9-bedc-4bcd-ba7c-f057f2a61a0c','0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e',1,1,'8cf4e206-9e64-4dbb-92ea-014a76a0fe06',1795810172276,'finished',1795810172478,1795810172606,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
CREATE TABLE bucket_endpoints (
	name VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	region VARCHAR NOT NULL, 
	sealed_keys BLOB NOT NULL, 
	CONSTRAINT pk_bucket_endpoints PRIMARY KEY (name)
);
INSERT INTO "bucket_endpoints" VALUES('far','https://s3.example.com','us-east-1',X'90849D810A7B7C2E92AE2BFE676BE3EB7789A38978811C9B96BBDA292304848090AB24580BF6FBCDD9168D88A9B09A6446887E544A40DBE276');
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','b82ba9a8330741e7b8c45bd014e59517');
INSERT INTO "buckets" VALUES('far','b82ba9a8330741e7b8c45bd014e59517');
INSERT INTO "buckets" VALUES('input','da5d20b01bd4461088fc994149717ef2');
INSERT INTO "buckets" VALUES('output','da5d20b01bd4461088fc994149717ef2');
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
INSERT INTO "counters" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',1,0,'25648-1795810163372',1,0);
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
INSERT INTO "deliveries" VALUES('urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts:0642ecc7efcf412aa95af26596f346c4',1,'','waiting',4,1795810164331,1795810175856,'the mail server localhost:9 cannot be reached or breaks off: [Errno 111] Connection refused',NULL);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','start to deploy service',1795810164811);
INSERT INTO "events" VALUES(2,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','start to deploy service',1795810164849);
INSERT INTO "events" VALUES(3,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','[echo 1.0.0] schedule resource success',1795810164852);
INSERT INTO "events" VALUES(4,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','[echo 1.0.0] starting model',1795810164852);
INSERT INTO "events" VALUES(5,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','start to deploy service',1795810164877);
INSERT INTO "events" VALUES(6,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','[echo 1.0.0] schedule resource success',1795810164878);
INSERT INTO "events" VALUES(7,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','[echo 1.0.0] starting model',1795810164878);
INSERT INTO "events" VALUES(8,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','[broken 1.0.0] schedule resource success',1795810164974);
INSERT INTO "events" VALUES(9,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','[broken 1.0.0] starting model',1795810164974);
INSERT INTO "events" VALUES(10,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','[echo 1.0.0] instance 74a2f98c-41c5-4d74-ba82-b047695ad44b is ready',1795810165204);
INSERT INTO "events" VALUES(11,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','service started',1795810165355);
INSERT INTO "events" VALUES(12,'aa71a6e2-495f-4647-a14b-658a424d0a8c','abnormal','[broken 1.0.0] instance c7fe0430-03b4-4ed4-ac20-7c67e00c09e2 ended: exited with status 3',1795810165360);
INSERT INTO "events" VALUES(13,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','[broken 1.0.0] schedule resource success',1795810165360);
INSERT INTO "events" VALUES(14,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','[broken 1.0.0] starting model',1795810165360);
INSERT INTO "events" VALUES(15,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','[echo 1.0.0] instance faa16caa-f933-451a-8426-7af47259b2b7 is ready',1795810165401);
INSERT INTO "events" VALUES(16,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','service started',1795810165422);
INSERT INTO "events" VALUES(17,'aa71a6e2-495f-4647-a14b-658a424d0a8c','abnormal','[broken 1.0.0] instance ed1e5aad-d2b5-4182-ba2d-ff39ecfb2e74 ended: exited with status 3',1795810165543);
INSERT INTO "events" VALUES(18,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','[broken 1.0.0] schedule resource success',1795810166546);
INSERT INTO "events" VALUES(19,'aa71a6e2-495f-4647-a14b-658a424d0a8c','normal','[broken 1.0.0] starting model',1795810166546);
INSERT INTO "events" VALUES(20,'aa71a6e2-495f-4647-a14b-658a424d0a8c','abnormal','[broken 1.0.0] instance 616783ee-99a1-454c-a5b1-c3f5db69fefd ended: exited with status 3',1795810166714);
INSERT INTO "events" VALUES(21,'aa71a6e2-495f-4647-a14b-658a424d0a8c','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810166714);
INSERT INTO "events" VALUES(22,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','service being updated',1795810166766);
INSERT INTO "events" VALUES(23,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','auto stop enabled. The service will stop after 259200 s.',1795810166766);
INSERT INTO "events" VALUES(24,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','[echo 1.1.0] schedule resource success',1795810166780);
INSERT INTO "events" VALUES(25,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','[echo 1.1.0] starting model',1795810166780);
INSERT INTO "events" VALUES(26,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','[echo 1.1.0] instance 83b3bf80-b961-4357-bb5d-4f68f3e7ec7f is ready',1795810166932);
INSERT INTO "events" VALUES(27,'8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','normal','service updated',1795810166941);
INSERT INTO "events" VALUES(28,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','service being stopped',1795810167018);
INSERT INTO "events" VALUES(29,'1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','normal','service stopped',1795810167050);
INSERT INTO "events" VALUES(30,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','start to deploy service',1795810167207);
INSERT INTO "events" VALUES(31,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','task 1 began',1795810167231);
INSERT INTO "events" VALUES(32,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','[echo 1.0.0] schedule resource success',1795810167231);
INSERT INTO "events" VALUES(33,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','[echo 1.0.0] starting model',1795810167231);
INSERT INTO "events" VALUES(34,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','[echo 1.0.0] worker 2e76ccf3-8014-47a2-8905-ec9ede9dd9df is ready',1795810167400);
INSERT INTO "events" VALUES(35,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','service started',1795810167400);
INSERT INTO "events" VALUES(36,'035da5fd-8fab-4e72-8595-046ea07611f4','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810167531);
INSERT INTO "events" VALUES(37,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','start to deploy service',1795810172250);
INSERT INTO "events" VALUES(38,'e38544d4-6073-4ae0-9d99-e01ec0d21016','normal','start to deploy service',1795810172275);
INSERT INTO "events" VALUES(39,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','task 1 began',1795810172276);
INSERT INTO "events" VALUES(40,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','[echo 1.0.0] schedule resource success',1795810172276);
INSERT INTO "events" VALUES(41,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','[echo 1.0.0] starting model',1795810172276);
INSERT INTO "events" VALUES(42,'e38544d4-6073-4ae0-9d99-e01ec0d21016','normal','[echo 1.0.0] schedule resource success',1795810172298);
INSERT INTO "events" VALUES(43,'e38544d4-6073-4ae0-9d99-e01ec0d21016','normal','[echo 1.0.0] starting model',1795810172298);
INSERT INTO "events" VALUES(44,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','[echo 1.0.0] worker 1cd2190c-b5bc-4e11-93f9-14c8bd06f685 is ready',1795810172455);
INSERT INTO "events" VALUES(45,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','service started',1795810172455);
INSERT INTO "events" VALUES(46,'e38544d4-6073-4ae0-9d99-e01ec0d21016','normal','[echo 1.0.0] instance bd2039af-1341-401c-b8b0-7e1bc72ebc9c is ready',1795810172460);
INSERT INTO "events" VALUES(47,'e38544d4-6073-4ae0-9d99-e01ec0d21016','normal','service started',1795810172485);
INSERT INTO "events" VALUES(48,'0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810172613);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','b82ba9a8330741e7b8c45bd014e59517');
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
INSERT INTO "grants" VALUES('6f44dc55dfcf41dc9463db5ef6da6289','da5d20b01bd4461088fc994149717ef2','admin');
INSERT INTO "grants" VALUES('6f44dc55dfcf41dc9463db5ef6da6289','system','admin');
INSERT INTO "grants" VALUES('1ca31b89a66748af9544f2269b4f479a','b82ba9a8330741e7b8c45bd014e59517','member');
INSERT INTO "grants" VALUES('19033d8bb9d743f383f3aba32292b639','b82ba9a8330741e7b8c45bd014e59517','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('da5d20b01bd4461088fc994149717ef2','POST /v1/{p}/services running','92123011bd2a9242c11dc72568b15dbd5fe900fab258139f1415ea13199e6825',200,'{"body": {"service_id": "8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c", "resource_ids": ["INF-094981ec-f329-496c-a1bc-06750621b149"]}, "headers": {"ETag": "\"1.1\""}}',1795896564811);
INSERT INTO "idempotency" VALUES('da5d20b01bd4461088fc994149717ef2','POST /v1/{p}/services stopped','8b041a09fb4ad7fdaaccd1253df3f62c8925de61462c09d6406907bf5b7fb159',200,'{"body": {"service_id": "1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093", "resource_ids": ["INF-c94a9c30-e06c-4c44-9baa-b2e7e2348bb9"]}, "headers": {"ETag": "\"1.1\""}}',1795896564849);
INSERT INTO "idempotency" VALUES('da5d20b01bd4461088fc994149717ef2','POST /v1/{p}/services failed','c2f723907c377d4598a56f7c3c7f829128f8d4675fd26da7468e059cd95fded5',200,'{"body": {"service_id": "aa71a6e2-495f-4647-a14b-658a424d0a8c", "resource_ids": ["INF-75f0cde5-0b0e-4c89-8646-d27b23502bf0"]}, "headers": {"ETag": "\"1.1\""}}',1795896564877);
INSERT INTO "idempotency" VALUES('da5d20b01bd4461088fc994149717ef2','POST /v1/{p}/services scores','8a4d7d4e81b93b2f7ec22bd1e5a7ed45b19da7a9dd6c96a4c52cf924be567acc',200,'{"body": {"service_id": "035da5fd-8fab-4e72-8595-046ea07611f4", "resource_ids": ["INF-0c2c787a-6e29-4c1f-a49b-7806c7a521ed"]}, "headers": {"ETag": "\"1.1\""}}',1795896567207);
INSERT INTO "idempotency" VALUES('da5d20b01bd4461088fc994149717ef2','POST /v1/{p}/services again','13b69d83ca1cf97572fcd4fcbea1e1c7355709c92972b5eb1f1445c8f06208fe',200,'{"body": {"service_id": "0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e", "resource_ids": ["INF-8cf4e206-9e64-4dbb-92ea-014a76a0fe06"]}, "headers": {"ETag": "\"1.1\""}}',1795896572250);
INSERT INTO "idempotency" VALUES('da5d20b01bd4461088fc994149717ef2','POST /v1/{p}/services told','74a0c762d8cb3b9b6953c5c7af43a53bad79c8df88c3bf18324eb3ee4de3dba3',200,'{"body": {"service_id": "e38544d4-6073-4ae0-9d99-e01ec0d21016", "resource_ids": ["INF-7871750f-5d2c-41a9-a30c-aca5dc50617e"]}, "headers": {"ETag": "\"1.1\""}}',1795896572275);
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
INSERT INTO "instances" VALUES('faa16caa-f933-451a-8426-7af47259b2b7','8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',1,1,'c06472b8d8cb7432','ready',1795810164852,1795810165400,1795810165400,'','','unix:instances/faa16caa-f933-451a-8426-7af47259b2b7/s.sock');
INSERT INTO "instances" VALUES('83b3bf80-b961-4357-bb5d-4f68f3e7ec7f','8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',2,2,'6fa3ae12c2cad0a1','ready',1795810166779,1795810166932,1795810166932,'','','unix:instances/83b3bf80-b961-4357-bb5d-4f68f3e7ec7f/s.sock');
INSERT INTO "instances" VALUES('bd2039af-1341-401c-b8b0-7e1bc72ebc9c','e38544d4-6073-4ae0-9d99-e01ec0d21016',1,1,'872d373675ecf87f','ready',1795810172298,1795810172460,1795810172460,'','','unix:instances/bd2039af-1341-401c-b8b0-7e1bc72ebc9c/s.sock');
CREATE TABLE log_channels (
	stream_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	service_name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	since_ms BIGINT NOT NULL, 
	CONSTRAINT pk_log_channels PRIMARY KEY (stream_id, service_id), 
	CONSTRAINT fk_log_channels_stream_id FOREIGN KEY(stream_id) REFERENCES log_streams (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "log_channels" VALUES('790fe800116a5715df71be25ec78a5316c3590012daf0b5701f3076f2596dd9e','e38544d4-6073-4ae0-9d99-e01ec0d21016','told','da5d20b01bd4461088fc994149717ef2',1795810172283);
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
INSERT INTO "log_groups" VALUES('fb34de067136985ac2016025d6e433742466764910a7503a1849968340613b9d','da5d20b01bd4461088fc994149717ef2','all',7,1795810164344);
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
INSERT INTO "log_streams" VALUES('790fe800116a5715df71be25ec78a5316c3590012daf0b5701f3076f2596dd9e','fb34de067136985ac2016025d6e433742466764910a7503a1849968340613b9d','da5d20b01bd4461088fc994149717ef2','one',NULL,1795810164358);
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
INSERT INTO "messages" VALUES(1,'f3b0ca067336427e857cfaeb146c6db2','da5d20b01bd4461088fc994149717ef2','urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts','',NULL,'SubscriptionConfirmation','','You are invited to subscribe to topic: urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts. To confirm this subscription, please visit the subscribe_url included in this message. The subscribe_url is valid only within 48 hours.','{}','{}',1795810164331,1795982964330);
INSERT INTO "messages" VALUES(2,'3864ec4f2df14492a7d085bbb07ae3da','da5d20b01bd4461088fc994149717ef2','urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts','',NULL,'Notification','hello','a first message','{}','{}',1795810164369,NULL);
INSERT INTO "messages" VALUES(3,'f21f1ef6-3a55-47ce-a963-2200fb3d1424','da5d20b01bd4461088fc994149717ef2','urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts','e38544d4-6073-4ae0-9d99-e01ec0d21016',3,'Notification','told is running','Service told is running, it was deploying: everything that was asked for is ready.
The deployment to revision 1 is complete.
When: 2026-11-27T20:09:32Z
Where to look: modelyard services show told
    modelyard services events told
    GET /v1/da5d20b01bd4461088fc994149717ef2/services/e38544d4-6073-4ae0-9d99-e01ec0d21016','{}','{"service_id":"e38544d4-6073-4ae0-9d99-e01ec0d21016","service_name":"told","status":"running","previous_status":"deploying","revision":1,"cause":"","occurred_at":1795810172485,"path":"/v1/da5d20b01bd4461088fc994149717ef2/services/e38544d4-6073-4ae0-9d99-e01ec0d21016"}',1795810172485,NULL);
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
INSERT INTO "models" VALUES('9779fcc5-3361-4788-818e-3e33895c6da6','da5d20b01bd4461088fc994149717ef2','echo','1.0.0','Custom','/models/echo','6f44dc55dfcf41dc9463db5ef6da6289',1795810164379,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('3e3262ec-6774-4449-b89d-2a87b05c8130','da5d20b01bd4461088fc994149717ef2','broken','1.0.0','Custom','/models/broken','6f44dc55dfcf41dc9463db5ef6da6289',1795810164511,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('2046b018-e630-4fa9-8e2e-0864c58e6c09','da5d20b01bd4461088fc994149717ef2','echo','1.1.0','Custom','/models/echo','6f44dc55dfcf41dc9463db5ef6da6289',1795810164641,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('929fa764-6725-44ff-beb2-45c2f5860f1e','da5d20b01bd4461088fc994149717ef2','missing','1.0.0','Custom','/models/missing','6f44dc55dfcf41dc9463db5ef6da6289',1795810164786,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('17334b77-a143-4f99-9113-1f7bc2099093','b82ba9a8330741e7b8c45bd014e59517','lab','running',1795810164286,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('da5d20b01bd4461088fc994149717ef2','local','50365f11a7874eae85385267866002df','modelyard',1);
INSERT INTO "projects" VALUES('b82ba9a8330741e7b8c45bd014e59517','research','50365f11a7874eae85385267866002df','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('b82ba9a8330741e7b8c45bd014e59517','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',1,'9779fcc5-3361-4788-818e-3e33895c6da6');
INSERT INTO "revision_models" VALUES('1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093',1,'9779fcc5-3361-4788-818e-3e33895c6da6');
INSERT INTO "revision_models" VALUES('aa71a6e2-495f-4647-a14b-658a424d0a8c',1,'3e3262ec-6774-4449-b89d-2a87b05c8130');
INSERT INTO "revision_models" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',2,'9779fcc5-3361-4788-818e-3e33895c6da6');
INSERT INTO "revision_models" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',2,'2046b018-e630-4fa9-8e2e-0864c58e6c09');
INSERT INTO "revision_models" VALUES('035da5fd-8fab-4e72-8595-046ea07611f4',1,'9779fcc5-3361-4788-818e-3e33895c6da6');
INSERT INTO "revision_models" VALUES('0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e',1,'9779fcc5-3361-4788-818e-3e33895c6da6');
INSERT INTO "revision_models" VALUES('e38544d4-6073-4ae0-9d99-e01ec0d21016',1,'9779fcc5-3361-4788-818e-3e33895c6da6');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',1,1795810164811,'{"variants":[{"track":1,"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","model_name":"echo","model_version":"1.0.0","template":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"41VB2b2lfOupTSl0hdTK0sdOQckCQQ3C1yg1c4WI2rdaHRQ0JrO8aNPC/EZxQg8EikUt42NUfZkFTk3gtuuw7Wg3zjPH4Uw4tbWM9cPUMAoEPKpMamvZFLFLDxxyEPi8+oY11wrjv/sIs5mdEHyYORueNNffN/mp8xuY"}');
INSERT INTO "revisions" VALUES('1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093',1,1795810164849,'{"variants":[{"track":1,"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","model_name":"echo","model_version":"1.0.0","template":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('aa71a6e2-495f-4647-a14b-658a424d0a8c',1,1795810164877,'{"variants":[{"track":1,"model_id":"3e3262ec-6774-4449-b89d-2a87b05c8130","model_name":"broken","model_version":"1.0.0","template":{"model_id":"3e3262ec-6774-4449-b89d-2a87b05c8130","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"3e3262ec-6774-4449-b89d-2a87b05c8130","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',2,1795810166766,'{"variants":[{"track":1,"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","model_name":"echo","model_version":"1.0.0","template":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"2046b018-e630-4fa9-8e2e-0864c58e6c09","model_name":"echo","model_version":"1.1.0","template":{"model_id":"2046b018-e630-4fa9-8e2e-0864c58e6c09","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"2046b018-e630-4fa9-8e2e-0864c58e6c09","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"FzMWg3SSgl9GdwX99nmYDwcCG4PvbTo2IJV6M0l9RWaFEAU+kWS6/a0FcHgPOw1ND2n2Lf/4/y0vSL43Hri7erz28byqLbQnqzBj2bPgF98nhWtrFaum1DKd3yxgQKrzteQDCqfqqHtBcKkmacDP3vIpjtg71p2kf50K3zNrPkrfGUGJXw=="}');
INSERT INTO "revisions" VALUES('035da5fd-8fab-4e72-8595-046ea07611f4',1,1795810167207,'{"variants":[{"track":1,"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","model_name":"echo","model_version":"1.0.0","template":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/scores/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/scores/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
INSERT INTO "revisions" VALUES('0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e',1,1795810172250,'{"variants":[{"track":1,"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","model_name":"echo","model_version":"1.0.0","template":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/again/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/again/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
INSERT INTO "revisions" VALUES('e38544d4-6073-4ae0-9d99-e01ec0d21016',1,1795810172275,'{"variants":[{"track":1,"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","model_name":"echo","model_version":"1.0.0","template":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"9779fcc5-3361-4788-818e-3e33895c6da6","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('19033d8bb9d743f383f3aba32292b639',1795810164234);
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
INSERT INTO "rollouts" VALUES('094981ec-f329-496c-a1bc-06750621b149','8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',1,'deploy',1,NULL,1795810164811,'success',0,'',1795810165422);
INSERT INTO "rollouts" VALUES('c94a9c30-e06c-4c44-9baa-b2e7e2348bb9','1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093',1,'deploy',1,NULL,1795810164849,'success',0,'',1795810165355);
INSERT INTO "rollouts" VALUES('75f0cde5-0b0e-4c89-8646-d27b23502bf0','aa71a6e2-495f-4647-a14b-658a424d0a8c',1,'deploy',1,NULL,1795810164877,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810166714);
INSERT INTO "rollouts" VALUES('43241506-8e6b-4338-946c-4c457da8d366','8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c',2,'update',2,1,1795810166766,'success',1,'',1795810166941);
INSERT INTO "rollouts" VALUES('0c2c787a-6e29-4c1f-a49b-7806c7a521ed','035da5fd-8fab-4e72-8595-046ea07611f4',1,'deploy',1,NULL,1795810167207,'success',1,'',1795810167400);
INSERT INTO "rollouts" VALUES('8cf4e206-9e64-4dbb-92ea-014a76a0fe06','0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e',1,'deploy',1,NULL,1795810172250,'success',1,'',1795810172455);
INSERT INTO "rollouts" VALUES('7871750f-5d2c-41a9-a30c-aca5dc50617e','e38544d4-6073-4ae0-9d99-e01ec0d21016',1,'deploy',1,NULL,1795810172275,'success',0,'',1795810172485);
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
INSERT INTO "services" VALUES('8d88e1a6-e3e9-496e-b6ec-e5bd5503cc1c','da5d20b01bd4461088fc994149717ef2','running','real-time','6f44dc55dfcf41dc9463db5ef6da6289',1795810164811,'running',2,2,0,'in use','0','running','',1795810166766,1795810166941,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069366766);
INSERT INTO "services" VALUES('1f0266f5-48a3-4c39-ad9e-3d8d3d8d7093','da5d20b01bd4461088fc994149717ef2','stopped','real-time','6f44dc55dfcf41dc9463db5ef6da6289',1795810164849,'stopped',1,1,0,'','0','stopped','',1795810164849,1795810167050,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('aa71a6e2-495f-4647-a14b-658a424d0a8c','da5d20b01bd4461088fc994149717ef2','failed','real-time','6f44dc55dfcf41dc9463db5ef6da6289',1795810164877,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810164877,1795810166714,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('035da5fd-8fab-4e72-8595-046ea07611f4','da5d20b01bd4461088fc994149717ef2','scores','batch','6f44dc55dfcf41dc9463db5ef6da6289',1795810167207,'running',1,1,0,'','0','finished','',1795810167207,1795810167531,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('0e85e4bf-b3c4-4052-aac1-eb0d31d2f69e','da5d20b01bd4461088fc994149717ef2','again','batch','6f44dc55dfcf41dc9463db5ef6da6289',1795810172250,'running',1,1,0,'','0','finished','',1795810172250,1795810172613,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('e38544d4-6073-4ae0-9d99-e01ec0d21016','da5d20b01bd4461088fc994149717ef2','told','real-time','6f44dc55dfcf41dc9463db5ef6da6289',1795810172275,'running',1,1,0,'','0','running','',1795810172275,1795810172485,60.0,12582912,1,'{"additional_properties":{"smn_notification":{"topic_urn":"urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts","events":[1,3,7,11]},"log_report_channels":[{"type":"LTS","configuration":{"log_group_id":"fb34de067136985ac2016025d6e433742466764910a7503a1849968340613b9d","log_stream_id":"790fe800116a5715df71be25ec78a5316c3590012daf0b5701f3076f2596dd9e"}}]}}',NULL);
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
INSERT INTO "subscriptions" VALUES('urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts:0642ecc7efcf412aa95af26596f346c4','urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts','da5d20b01bd4461088fc994149717ef2','email',0,'','smn',X'F47C771BB16C2825C9DF015716A37292BA081649A4222278428E683CE976FFED563E0DD76E76E76C754B15AE8A57530A7555B190F7B436DB42EE1892406EEAC7E773DBC45C16C448962CEED8DC9A15FF408EEE58A0CF4DE512D9742A2A1EC896A6F68054005F79','3TRN_HFIl8I1vzkpqv8b5lCOZzahJ1En84TJWMOMCbQ',1795982964330,1795810164323);
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
INSERT INTO "topics" VALUES('urn:smn:local:da5d20b01bd4461088fc994149717ef2:alerts','da5d20b01bd4461088fc994149717ef2','alerts','Alerts',1795810164311,1795810164311);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('6f44dc55dfcf41dc9463db5ef6da6289','admin','50365f11a7874eae85385267866002df','$argon2id$v=19$m=19456,t=2,p=1$LlcyYV7muj71VA/U7mElLQ$UMt8fRj/ZknCR/FG1ja20KqamspHuX/NS0UVU37Ld10',1);
INSERT INTO "users" VALUES('1ca31b89a66748af9544f2269b4f479a','ada','50365f11a7874eae85385267866002df','$argon2id$v=19$m=19456,t=2,p=1$v+eEu3i0aZkCdkRgKN7qCg$H1996xSEMBvHY8x5BSDZ1BEhqRC8pp4gszv4c6j/TYA',1);
INSERT INTO "users" VALUES('19033d8bb9d743f383f3aba32292b639','bob','50365f11a7874eae85385267866002df','$argon2id$v=19$m=19456,t=2,p=1$/N7diqHUADL1HyKpe0MUdA$kbHBXzfsLi8ooRrl4nzoKG5ehr3ngZSsstV4seEMO+Q',0);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_services_project_id_created_ms ON services (project_id, created_ms);
CREATE INDEX ix_services_project_id_transition_ms ON services (project_id, transition_ms);
CREATE INDEX ix_services_due_ms ON services (due_ms);
CREATE INDEX ix_buckets_project_id ON buckets (project_id);
CREATE INDEX ix_idempotency_expires_ms ON idempotency (expires_ms);
CREATE INDEX ix_audit_project_id_number ON audit (project_id, number);
CREATE INDEX ix_audit_lane_number ON audit (lane, number);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'rows of the audit do not change'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
    WHEN NOT EXISTS (SELECT 1 FROM audit_cuts WHERE lane = OLD.lane AND number >= OLD.number)
    BEGIN SELECT RAISE(ABORT, 'rows of the audit are removed where audit_cuts says so, and nowhere else'); END;
CREATE INDEX ix_grants_project_id ON grants (project_id);
CREATE INDEX ix_access_keys_user_id ON access_keys (user_id);
CREATE INDEX ix_revision_models_model_id ON revision_models (model_id);
CREATE UNIQUE INDEX uq_rollouts_active ON rollouts (service_id) WHERE state IN ('running', 'rolling_back');
CREATE INDEX ix_instances_service_id ON instances (service_id);
CREATE INDEX ix_events_service_id_id ON events (service_id, id);
CREATE INDEX ix_events_service_id_occur_ms ON events (service_id, occur_ms);
CREATE INDEX ix_app_codes_app_id ON app_codes (app_id);
CREATE INDEX ix_app_bindings_service_id ON app_bindings (service_id);
CREATE INDEX ix_log_streams_project_id ON log_streams (project_id);
CREATE INDEX ix_subscriptions_topic_urn_created_ms ON subscriptions (topic_urn, created_ms);
CREATE INDEX ix_subscriptions_token ON subscriptions (token);
CREATE INDEX ix_subscriptions_project_id_created_ms ON subscriptions (project_id, created_ms);
CREATE INDEX ix_messages_created_ms ON messages (created_ms);
CREATE INDEX ix_messages_topic_urn ON messages (topic_urn);
CREATE INDEX ix_batch_sources_task_id_result ON batch_sources (task_id, result);
CREATE INDEX ix_batch_splits_task_id_state_source_start ON batch_splits (task_id, state, source, start);
CREATE INDEX ix_log_channels_service_id ON log_channels (service_id);
CREATE INDEX ix_deliveries_number ON deliveries (number);
CREATE INDEX ix_deliveries_state_subscription_urn_service_id_number ON deliveries (state, subscription_urn, service_id, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',35);
COMMIT;
