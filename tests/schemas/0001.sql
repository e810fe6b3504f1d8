BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('ZFB06OO3YX8P0J1Z9UOP','3fb9fe3d70364f3fb541d81b78a8bfc4','ed18fba253214fb59f812ce927c89c61',X'61739C647892C7846AE656E4EE0A1B9BBE1A8DD4012C7C49F99277E6D793D55A0782C977BC629D786986EFCB4CA6E3FA9643A7A5D536AB0170D946488AEEC844E3B9C141');
INSERT INTO "access_keys" VALUES('815YAL0NLNA0C3HKVT0I','e56376f59df94771b6ba7200248c0133','167f99b093bc48d4b44b98935e389e23',X'3D5C71938B882DBC75058BCA6F3213223A08EFE5CCAC92F2C225013B251BCB3E17AEDA440B10493D732FBDC4BF1E7A46EC6CDC2842537F0780362C9E6A2CC2AB58CA6E21');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('980dd230-094e-49fc-a379-290036f8d142','78a14421-6959-4562-b087-bcd72b094531');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('315c805951a09577d3ee527c1c8a8be9e8c1e08ea3bc93b5733c73771a5df34c','980dd230-094e-49fc-a379-290036f8d142',X'A60256D9928C9CDA0794C3BB8D70D0D13FC4F845230B560D96EFB4044F2CAC4C4AA71F26E1E2E7916C71790BEF9A76A324C2F71B7BE0C2BAF2AC537BECAA3491704E6F6551D478E5E8C95C0157D1A76426EE0209519FFDF542777221',1795810002662);
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
INSERT INTO "apps" VALUES('980dd230-094e-49fc-a379-290036f8d142','ed18fba253214fb59f812ce927c89c61','shop','','3fb9fe3d70364f3fb541d81b78a8bfc4',1795810002662);
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','167f99b093bc48d4b44b98935e389e23');
INSERT INTO "buckets" VALUES('far','167f99b093bc48d4b44b98935e389e23');
INSERT INTO "buckets" VALUES('input','ed18fba253214fb59f812ce927c89c61');
INSERT INTO "buckets" VALUES('output','ed18fba253214fb59f812ce927c89c61');
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
INSERT INTO "counters" VALUES('78a14421-6959-4562-b087-bcd72b094531',1,0,'19960-1795809999173',1,0);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'78a14421-6959-4562-b087-bcd72b094531','normal','start to deploy service',1795810000136);
INSERT INTO "events" VALUES(2,'78a14421-6959-4562-b087-bcd72b094531','normal','[echo 1.0.0] schedule resource success',1795810000171);
INSERT INTO "events" VALUES(3,'78a14421-6959-4562-b087-bcd72b094531','normal','[echo 1.0.0] starting model',1795810000171);
INSERT INTO "events" VALUES(4,'4a079177-70a9-4667-9e72-67deaca59b37','normal','start to deploy service',1795810000175);
INSERT INTO "events" VALUES(5,'4a079177-70a9-4667-9e72-67deaca59b37','normal','[echo 1.0.0] schedule resource success',1795810000241);
INSERT INTO "events" VALUES(6,'4a079177-70a9-4667-9e72-67deaca59b37','normal','[echo 1.0.0] starting model',1795810000241);
INSERT INTO "events" VALUES(7,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','start to deploy service',1795810000250);
INSERT INTO "events" VALUES(8,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','[broken 1.0.0] schedule resource success',1795810000303);
INSERT INTO "events" VALUES(9,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','[broken 1.0.0] starting model',1795810000303);
INSERT INTO "events" VALUES(10,'78a14421-6959-4562-b087-bcd72b094531','normal','[echo 1.0.0] instance 7975ed5f-1e49-47ed-9e90-eb2cf49a4711 is ready',1795810000459);
INSERT INTO "events" VALUES(11,'9d22a6fc-4cf6-4553-998b-e417541d3582','abnormal','[broken 1.0.0] instance 993e9b21-16f6-4beb-9a7f-37acc3d5db08 ended: exited with status 3',1795810000465);
INSERT INTO "events" VALUES(12,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','[broken 1.0.0] schedule resource success',1795810000465);
INSERT INTO "events" VALUES(13,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','[broken 1.0.0] starting model',1795810000465);
INSERT INTO "events" VALUES(14,'4a079177-70a9-4667-9e72-67deaca59b37','normal','[echo 1.0.0] instance 73680007-0e76-4bce-9e0d-683b7d37e4b5 is ready',1795810000481);
INSERT INTO "events" VALUES(15,'78a14421-6959-4562-b087-bcd72b094531','normal','service started',1795810000488);
INSERT INTO "events" VALUES(16,'4a079177-70a9-4667-9e72-67deaca59b37','normal','service started',1795810000518);
INSERT INTO "events" VALUES(17,'9d22a6fc-4cf6-4553-998b-e417541d3582','abnormal','[broken 1.0.0] instance f0678a3f-6853-4737-ae53-18af66f6ea55 ended: exited with status 3',1795810000606);
INSERT INTO "events" VALUES(18,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','[broken 1.0.0] schedule resource success',1795810001612);
INSERT INTO "events" VALUES(19,'9d22a6fc-4cf6-4553-998b-e417541d3582','normal','[broken 1.0.0] starting model',1795810001612);
INSERT INTO "events" VALUES(20,'9d22a6fc-4cf6-4553-998b-e417541d3582','abnormal','[broken 1.0.0] instance 0246e71e-c502-4844-91ac-9b390a7db86e ended: exited with status 3',1795810001735);
INSERT INTO "events" VALUES(21,'9d22a6fc-4cf6-4553-998b-e417541d3582','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810001735);
INSERT INTO "events" VALUES(22,'78a14421-6959-4562-b087-bcd72b094531','normal','service being updated',1795810001793);
INSERT INTO "events" VALUES(23,'78a14421-6959-4562-b087-bcd72b094531','normal','auto stop enabled. The service will stop after 259200 s.',1795810001793);
INSERT INTO "events" VALUES(24,'78a14421-6959-4562-b087-bcd72b094531','normal','[echo 1.1.0] schedule resource success',1795810001812);
INSERT INTO "events" VALUES(25,'78a14421-6959-4562-b087-bcd72b094531','normal','[echo 1.1.0] starting model',1795810001812);
INSERT INTO "events" VALUES(26,'78a14421-6959-4562-b087-bcd72b094531','normal','[echo 1.1.0] instance 885e4407-0aaf-4524-aeab-59e40d5b199a is ready',1795810001948);
INSERT INTO "events" VALUES(27,'78a14421-6959-4562-b087-bcd72b094531','normal','service updated',1795810001964);
INSERT INTO "events" VALUES(28,'4a079177-70a9-4667-9e72-67deaca59b37','normal','service being stopped',1795810002071);
INSERT INTO "events" VALUES(29,'4a079177-70a9-4667-9e72-67deaca59b37','normal','service stopped',1795810002619);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','167f99b093bc48d4b44b98935e389e23');
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
INSERT INTO "grants" VALUES('3fb9fe3d70364f3fb541d81b78a8bfc4','ed18fba253214fb59f812ce927c89c61','admin');
INSERT INTO "grants" VALUES('3fb9fe3d70364f3fb541d81b78a8bfc4','system','admin');
INSERT INTO "grants" VALUES('e56376f59df94771b6ba7200248c0133','167f99b093bc48d4b44b98935e389e23','member');
INSERT INTO "grants" VALUES('d12774f2e88542c6859469d974395f61','167f99b093bc48d4b44b98935e389e23','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('ed18fba253214fb59f812ce927c89c61','POST /v1/{p}/services running','50b3882ca6c8826fe3b3f4a7f25b5dee9b14610bc54c390c123065559447ff0a',200,'{"body": {"service_id": "78a14421-6959-4562-b087-bcd72b094531", "resource_ids": ["INF-3a53db20-5f92-4de0-9e66-6f67971e9846"]}, "headers": {"ETag": "\"1.1\""}}',1795896400136);
INSERT INTO "idempotency" VALUES('ed18fba253214fb59f812ce927c89c61','POST /v1/{p}/services stopped','febb4c87e7fcb57bc5de5de33d1d2da8790823468b351bcab4e54aabc79712fd',200,'{"body": {"service_id": "4a079177-70a9-4667-9e72-67deaca59b37", "resource_ids": ["INF-6266e712-64ae-4fce-a766-177aa1214113"]}, "headers": {"ETag": "\"1.1\""}}',1795896400175);
INSERT INTO "idempotency" VALUES('ed18fba253214fb59f812ce927c89c61','POST /v1/{p}/services failed','7a15471fc3190ab4015dd2062e3fe4be06349df110a1f7c36201811805069161',200,'{"body": {"service_id": "9d22a6fc-4cf6-4553-998b-e417541d3582", "resource_ids": ["INF-d27291d9-7c5f-41ec-8f47-831f11ddb499"]}, "headers": {"ETag": "\"1.1\""}}',1795896400250);
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
	CONSTRAINT pk_instances PRIMARY KEY (id), 
	CONSTRAINT fk_instances_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "instances" VALUES('7975ed5f-1e49-47ed-9e90-eb2cf49a4711','78a14421-6959-4562-b087-bcd72b094531',1,1,'106d86157ef6219b','ready',1795810000171,1795810000458,1795810000458,'');
INSERT INTO "instances" VALUES('885e4407-0aaf-4524-aeab-59e40d5b199a','78a14421-6959-4562-b087-bcd72b094531',2,2,'6b308484d5d50810','ready',1795810001812,1795810001948,1795810001948,'');
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
INSERT INTO "models" VALUES('7613dfbc-b215-4fff-8d1a-f706b39984c8','ed18fba253214fb59f812ce927c89c61','echo','1.0.0','Custom','/models/echo','3fb9fe3d70364f3fb541d81b78a8bfc4',1795809999696,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('726a7ed2-b2be-446f-9e49-ef9ca0f2d0f0','ed18fba253214fb59f812ce927c89c61','broken','1.0.0','Custom','/models/broken','3fb9fe3d70364f3fb541d81b78a8bfc4',1795809999839,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('8684872b-eb89-4a5b-8908-9a1d03634e45','ed18fba253214fb59f812ce927c89c61','echo','1.1.0','Custom','/models/echo','3fb9fe3d70364f3fb541d81b78a8bfc4',1795809999977,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('e0cea0fc-638b-4278-bbe0-f75e5753032d','ed18fba253214fb59f812ce927c89c61','missing','1.0.0','Custom','/models/missing','3fb9fe3d70364f3fb541d81b78a8bfc4',1795810000113,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('64eddc63-36ef-4c07-9b4e-5c7201465ae6','167f99b093bc48d4b44b98935e389e23','lab','running',1795809999657,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('ed18fba253214fb59f812ce927c89c61','local','f3bee53b4e604300a887e8123f48e225','modelyard',1);
INSERT INTO "projects" VALUES('167f99b093bc48d4b44b98935e389e23','research','f3bee53b4e604300a887e8123f48e225','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('167f99b093bc48d4b44b98935e389e23','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('78a14421-6959-4562-b087-bcd72b094531',1,'7613dfbc-b215-4fff-8d1a-f706b39984c8');
INSERT INTO "revision_models" VALUES('4a079177-70a9-4667-9e72-67deaca59b37',1,'7613dfbc-b215-4fff-8d1a-f706b39984c8');
INSERT INTO "revision_models" VALUES('9d22a6fc-4cf6-4553-998b-e417541d3582',1,'726a7ed2-b2be-446f-9e49-ef9ca0f2d0f0');
INSERT INTO "revision_models" VALUES('78a14421-6959-4562-b087-bcd72b094531',2,'7613dfbc-b215-4fff-8d1a-f706b39984c8');
INSERT INTO "revision_models" VALUES('78a14421-6959-4562-b087-bcd72b094531',2,'8684872b-eb89-4a5b-8908-9a1d03634e45');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('78a14421-6959-4562-b087-bcd72b094531',1,1795810000136,'[{"track":1,"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","model_name":"echo","model_version":"1.0.0","template":{"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[["TOKEN","value-that-is-sealed"],["LANG","C"]],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":{"TOKEN":"value-that-is-sealed","LANG":"C"}}}]');
INSERT INTO "revisions" VALUES('4a079177-70a9-4667-9e72-67deaca59b37',1,1795810000175,'[{"track":1,"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","model_name":"echo","model_version":"1.0.0","template":{"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}]');
INSERT INTO "revisions" VALUES('9d22a6fc-4cf6-4553-998b-e417541d3582',1,1795810000250,'[{"track":1,"model_id":"726a7ed2-b2be-446f-9e49-ef9ca0f2d0f0","model_name":"broken","model_version":"1.0.0","template":{"model_id":"726a7ed2-b2be-446f-9e49-ef9ca0f2d0f0","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"726a7ed2-b2be-446f-9e49-ef9ca0f2d0f0","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}]');
INSERT INTO "revisions" VALUES('78a14421-6959-4562-b087-bcd72b094531',2,1795810001793,'[{"track":1,"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","model_name":"echo","model_version":"1.0.0","template":{"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[["TOKEN","value-that-is-sealed"],["LANG","C"]],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"7613dfbc-b215-4fff-8d1a-f706b39984c8","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":{"TOKEN":"value-that-is-sealed","LANG":"C"}}},{"track":2,"model_id":"8684872b-eb89-4a5b-8908-9a1d03634e45","model_name":"echo","model_version":"1.1.0","template":{"model_id":"8684872b-eb89-4a5b-8908-9a1d03634e45","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"8684872b-eb89-4a5b-8908-9a1d03634e45","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}]');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('d12774f2e88542c6859469d974395f61',1795809999605);
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
INSERT INTO "rollouts" VALUES('3a53db20-5f92-4de0-9e66-6f67971e9846','78a14421-6959-4562-b087-bcd72b094531',1,'deploy',1,NULL,1795810000136,'success',0,'',1795810000488);
INSERT INTO "rollouts" VALUES('6266e712-64ae-4fce-a766-177aa1214113','4a079177-70a9-4667-9e72-67deaca59b37',1,'deploy',1,NULL,1795810000175,'success',0,'',1795810000518);
INSERT INTO "rollouts" VALUES('d27291d9-7c5f-41ec-8f47-831f11ddb499','9d22a6fc-4cf6-4553-998b-e417541d3582',1,'deploy',1,NULL,1795810000250,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/script.py", line 43, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810001735);
INSERT INTO "rollouts" VALUES('c061a6d2-642a-4b61-9bbb-60beebdcc339','78a14421-6959-4562-b087-bcd72b094531',2,'update',2,1,1795810001793,'success',1,'',1795810001964);
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
INSERT INTO "services" VALUES('78a14421-6959-4562-b087-bcd72b094531','ed18fba253214fb59f812ce927c89c61','running','real-time','3fb9fe3d70364f3fb541d81b78a8bfc4',1795810000136,'running',2,2,0,'in use','0','running','',1795810001793,1795810001964,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}],"due_time":1796069201793}',1796069201793);
INSERT INTO "services" VALUES('4a079177-70a9-4667-9e72-67deaca59b37','ed18fba253214fb59f812ce927c89c61','stopped','real-time','3fb9fe3d70364f3fb541d81b78a8bfc4',1795810000175,'stopped',1,1,0,'','0','stopped','',1795810000175,1795810002619,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('9d22a6fc-4cf6-4553-998b-e417541d3582','ed18fba253214fb59f812ce927c89c61','failed','real-time','3fb9fe3d70364f3fb541d81b78a8bfc4',1795810000250,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/script.py", line 43, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810000250,1795810001735,60.0,12582912,1,'{}',NULL);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('3fb9fe3d70364f3fb541d81b78a8bfc4','admin','f3bee53b4e604300a887e8123f48e225','$argon2id$v=19$m=19456,t=2,p=1$6DvBnKJNTUhXKOhOHaKDgw$PaOCzLIFCx2Ixt/9DiIcjGE/dabJCGky0Ea7IqGwMUA',1);
INSERT INTO "users" VALUES('e56376f59df94771b6ba7200248c0133','ada','f3bee53b4e604300a887e8123f48e225','$argon2id$v=19$m=19456,t=2,p=1$cdMqTJ9Np5jvWi9VItHDLw$DufRJUcqUK0H+R6E0a9aIbh00RX1KkXI6Okxd+LVBsw',1);
INSERT INTO "users" VALUES('d12774f2e88542c6859469d974395f61','bob','f3bee53b4e604300a887e8123f48e225','$argon2id$v=19$m=19456,t=2,p=1$6L//AUBuFiGh+SB9bVhttA$XuCx3AvPPDxEyHy/cxbohzDe0L0u3+D5FUVKbPUMfi8',0);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_services_project_id_transition_ms ON services (project_id, transition_ms);
CREATE INDEX ix_services_due_ms ON services (due_ms);
CREATE INDEX ix_services_project_id_created_ms ON services (project_id, created_ms);
CREATE INDEX ix_buckets_project_id ON buckets (project_id);
CREATE INDEX ix_idempotency_expires_ms ON idempotency (expires_ms);
CREATE INDEX ix_grants_project_id ON grants (project_id);
CREATE INDEX ix_access_keys_user_id ON access_keys (user_id);
CREATE INDEX ix_revision_models_model_id ON revision_models (model_id);
CREATE UNIQUE INDEX uq_rollouts_active ON rollouts (service_id) WHERE state IN ('running', 'rolling_back');
CREATE INDEX ix_instances_service_id ON instances (service_id);
CREATE INDEX ix_events_service_id_id ON events (service_id, id);
CREATE INDEX ix_events_service_id_occur_ms ON events (service_id, occur_ms);
CREATE INDEX ix_app_codes_app_id ON app_codes (app_id);
CREATE INDEX ix_app_bindings_service_id ON app_bindings (service_id);
COMMIT;
