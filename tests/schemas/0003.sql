BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('G58WU2Y3YD5M27WHWWOJ','29d02e11a9d441bd867e9a3ba1e95242','1c824750590547298f9f3de3b0bdccfd',X'7CB952F69CB05D096E65BE3DEDA733BD8E32AEA1F6336C49EEC9B7351E19F92EAC9AD8709C3BB339C53204339577784B5C8BA55176F34FE4D17681843BE2C45118E36D78');
INSERT INTO "access_keys" VALUES('QISOUEBSIWENRWJYR0VM','6e5b732863a14b9987cccdc10b485ea3','f71eeaa6acc04cbbb3c705faa8ce7523',X'67BE2D9C7C0152B9F43E5EF5934E7956ABECF09015B863659C77C81EA30FC9F80B3B16724738690B3ABB421FAE3268BF61DC38A4E57BF437F42BBCE8158A00ADEF63E19B');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('0704ab57-5a94-44d0-9741-1301401ea90e','31691e00-05c6-46e5-9008-9978e458d995');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('ddf52bf3b4e7fec530f503b5b47d05c36fd9cb5184d3f45a4c5e28df21e32040','0704ab57-5a94-44d0-9741-1301401ea90e',X'7BE2FA8B2EA7AF32C72E0819DA0AFA16EE4E9BC38F21BD9645F543AF5D44872F7316299004CDDCA7AE2BE4B3DCB451C962952ACB6DF734C475B306A75786A18CADEB6DCEF0DDCFD72B71C7A65F00CDEE907F85D5D80F011DFCFF606E',1795810019748);
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
INSERT INTO "apps" VALUES('0704ab57-5a94-44d0-9741-1301401ea90e','1c824750590547298f9f3de3b0bdccfd','shop','','29d02e11a9d441bd867e9a3ba1e95242',1795810019748);
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','f71eeaa6acc04cbbb3c705faa8ce7523');
INSERT INTO "buckets" VALUES('far','f71eeaa6acc04cbbb3c705faa8ce7523');
INSERT INTO "buckets" VALUES('input','1c824750590547298f9f3de3b0bdccfd');
INSERT INTO "buckets" VALUES('output','1c824750590547298f9f3de3b0bdccfd');
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
INSERT INTO "counters" VALUES('31691e00-05c6-46e5-9008-9978e458d995',1,0,'20334-1795810016864',1,0);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'31691e00-05c6-46e5-9008-9978e458d995','normal','start to deploy service',1795810017784);
INSERT INTO "events" VALUES(2,'31691e00-05c6-46e5-9008-9978e458d995','normal','[echo 1.0.0] schedule resource success',1795810017806);
INSERT INTO "events" VALUES(3,'31691e00-05c6-46e5-9008-9978e458d995','normal','[echo 1.0.0] starting model',1795810017806);
INSERT INTO "events" VALUES(4,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','start to deploy service',1795810017814);
INSERT INTO "events" VALUES(5,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','[echo 1.0.0] schedule resource success',1795810017854);
INSERT INTO "events" VALUES(6,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','[echo 1.0.0] starting model',1795810017854);
INSERT INTO "events" VALUES(7,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','start to deploy service',1795810017874);
INSERT INTO "events" VALUES(8,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','[broken 1.0.0] schedule resource success',1795810017889);
INSERT INTO "events" VALUES(9,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','[broken 1.0.0] starting model',1795810017889);
INSERT INTO "events" VALUES(10,'783d1e9c-a4f1-4225-8f41-37488815b5d5','abnormal','[broken 1.0.0] instance 30bec603-1de8-4006-ade9-f477276853ef ended: exited with status 3',1795810018055);
INSERT INTO "events" VALUES(11,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','[broken 1.0.0] schedule resource success',1795810018055);
INSERT INTO "events" VALUES(12,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','[broken 1.0.0] starting model',1795810018055);
INSERT INTO "events" VALUES(13,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','[echo 1.0.0] instance eccafda1-2b08-44f0-bece-961aea03d4ef is ready',1795810018147);
INSERT INTO "events" VALUES(14,'31691e00-05c6-46e5-9008-9978e458d995','normal','[echo 1.0.0] instance 7854d5d5-98fb-4e0b-a027-8a0112803a53 is ready',1795810018178);
INSERT INTO "events" VALUES(15,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','service started',1795810018190);
INSERT INTO "events" VALUES(16,'783d1e9c-a4f1-4225-8f41-37488815b5d5','abnormal','[broken 1.0.0] instance 2acb2cf1-f4cb-4e0a-953c-1bbbf5d1149d ended: exited with status 3',1795810018194);
INSERT INTO "events" VALUES(17,'31691e00-05c6-46e5-9008-9978e458d995','normal','service started',1795810018215);
INSERT INTO "events" VALUES(18,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','[broken 1.0.0] schedule resource success',1795810019197);
INSERT INTO "events" VALUES(19,'783d1e9c-a4f1-4225-8f41-37488815b5d5','normal','[broken 1.0.0] starting model',1795810019197);
INSERT INTO "events" VALUES(20,'783d1e9c-a4f1-4225-8f41-37488815b5d5','abnormal','[broken 1.0.0] instance 4b7fcf0a-c634-4b36-88e1-0f9f0635745e ended: exited with status 3',1795810019304);
INSERT INTO "events" VALUES(21,'783d1e9c-a4f1-4225-8f41-37488815b5d5','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810019304);
INSERT INTO "events" VALUES(22,'31691e00-05c6-46e5-9008-9978e458d995','normal','service being updated',1795810019357);
INSERT INTO "events" VALUES(23,'31691e00-05c6-46e5-9008-9978e458d995','normal','auto stop enabled. The service will stop after 259200 s.',1795810019357);
INSERT INTO "events" VALUES(24,'31691e00-05c6-46e5-9008-9978e458d995','normal','[echo 1.1.0] schedule resource success',1795810019371);
INSERT INTO "events" VALUES(25,'31691e00-05c6-46e5-9008-9978e458d995','normal','[echo 1.1.0] starting model',1795810019371);
INSERT INTO "events" VALUES(26,'31691e00-05c6-46e5-9008-9978e458d995','normal','[echo 1.1.0] instance 13971273-49b0-4323-ae2a-092da95a9b3f is ready',1795810019532);
INSERT INTO "events" VALUES(27,'31691e00-05c6-46e5-9008-9978e458d995','normal','service updated',1795810019541);
INSERT INTO "events" VALUES(28,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','service being stopped',1795810019616);
INSERT INTO "events" VALUES(29,'3baf5c93-279f-4913-8329-fd267e97eaf9','normal','service stopped',1795810019651);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','f71eeaa6acc04cbbb3c705faa8ce7523');
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
INSERT INTO "grants" VALUES('29d02e11a9d441bd867e9a3ba1e95242','1c824750590547298f9f3de3b0bdccfd','admin');
INSERT INTO "grants" VALUES('29d02e11a9d441bd867e9a3ba1e95242','system','admin');
INSERT INTO "grants" VALUES('6e5b732863a14b9987cccdc10b485ea3','f71eeaa6acc04cbbb3c705faa8ce7523','member');
INSERT INTO "grants" VALUES('559b8afbf900492d88deddfb069ee47e','f71eeaa6acc04cbbb3c705faa8ce7523','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('1c824750590547298f9f3de3b0bdccfd','POST /v1/{p}/services running','91d68dbbd38a88c32fbc10b4db46e259a345ba158ced727429e349a8c637dfea',200,'{"body": {"service_id": "31691e00-05c6-46e5-9008-9978e458d995", "resource_ids": ["INF-e0b71a38-2585-42f6-b26f-07941e6d1ef5"]}, "headers": {"ETag": "\"1.1\""}}',1795896417784);
INSERT INTO "idempotency" VALUES('1c824750590547298f9f3de3b0bdccfd','POST /v1/{p}/services stopped','7dc92894c403c8ce810c4bf8afe6252789794b8a2921b02bdc2df50e4bbcb990',200,'{"body": {"service_id": "3baf5c93-279f-4913-8329-fd267e97eaf9", "resource_ids": ["INF-6aadad5e-bba4-47d9-8857-8d43f7e1c2d2"]}, "headers": {"ETag": "\"1.1\""}}',1795896417814);
INSERT INTO "idempotency" VALUES('1c824750590547298f9f3de3b0bdccfd','POST /v1/{p}/services failed','4eb0a1f1beaa032c2f4dad89bebbe786b3a0852e490be106da30d85fd5ff0e65',200,'{"body": {"service_id": "783d1e9c-a4f1-4225-8f41-37488815b5d5", "resource_ids": ["INF-f7e652b7-26fd-4f9e-8500-5ec3c2556959"]}, "headers": {"ETag": "\"1.1\""}}',1795896417874);
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
INSERT INTO "instances" VALUES('7854d5d5-98fb-4e0b-a027-8a0112803a53','31691e00-05c6-46e5-9008-9978e458d995',1,1,'64a6d8a75407e664','ready',1795810017806,1795810018178,1795810018178,'','','unix:instances/7854d5d5-98fb-4e0b-a027-8a0112803a53/s.sock');
INSERT INTO "instances" VALUES('13971273-49b0-4323-ae2a-092da95a9b3f','31691e00-05c6-46e5-9008-9978e458d995',2,2,'7a3ccdfa0ba6945c','ready',1795810019371,1795810019532,1795810019532,'','','unix:instances/13971273-49b0-4323-ae2a-092da95a9b3f/s.sock');
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
INSERT INTO "models" VALUES('0bc3e036-e94e-4189-b079-93bf506a1c87','1c824750590547298f9f3de3b0bdccfd','echo','1.0.0','Custom','/models/echo','29d02e11a9d441bd867e9a3ba1e95242',1795810017283,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('18db0825-649c-4ef8-abd6-7ee3bad56b02','1c824750590547298f9f3de3b0bdccfd','broken','1.0.0','Custom','/models/broken','29d02e11a9d441bd867e9a3ba1e95242',1795810017408,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('5958611b-2842-490d-83a5-b66d693a7f8a','1c824750590547298f9f3de3b0bdccfd','echo','1.1.0','Custom','/models/echo','29d02e11a9d441bd867e9a3ba1e95242',1795810017533,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('416f5592-03d1-4d4f-a121-0adfbb0c5e01','1c824750590547298f9f3de3b0bdccfd','missing','1.0.0','Custom','/models/missing','29d02e11a9d441bd867e9a3ba1e95242',1795810017661,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('3a882bdf-157c-4287-9508-6842f666b9ec','f71eeaa6acc04cbbb3c705faa8ce7523','lab','running',1795810017262,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('1c824750590547298f9f3de3b0bdccfd','local','4457f0647399434c84b7ed5ad3974cb9','modelyard',1);
INSERT INTO "projects" VALUES('f71eeaa6acc04cbbb3c705faa8ce7523','research','4457f0647399434c84b7ed5ad3974cb9','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('f71eeaa6acc04cbbb3c705faa8ce7523','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('31691e00-05c6-46e5-9008-9978e458d995',1,'0bc3e036-e94e-4189-b079-93bf506a1c87');
INSERT INTO "revision_models" VALUES('3baf5c93-279f-4913-8329-fd267e97eaf9',1,'0bc3e036-e94e-4189-b079-93bf506a1c87');
INSERT INTO "revision_models" VALUES('783d1e9c-a4f1-4225-8f41-37488815b5d5',1,'18db0825-649c-4ef8-abd6-7ee3bad56b02');
INSERT INTO "revision_models" VALUES('31691e00-05c6-46e5-9008-9978e458d995',2,'0bc3e036-e94e-4189-b079-93bf506a1c87');
INSERT INTO "revision_models" VALUES('31691e00-05c6-46e5-9008-9978e458d995',2,'5958611b-2842-490d-83a5-b66d693a7f8a');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('31691e00-05c6-46e5-9008-9978e458d995',1,1795810017784,'{"variants":[{"track":1,"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","model_name":"echo","model_version":"1.0.0","template":{"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"gDKl3VXlBnQ1SAGECPBXPJNIaKQnTbkcM7ghlpARyzDJSJB+45Jj1w/V7Pp5bMt6BFIG2YQ7S6jC6nMecCzaAmLcM9tckx3dJiukwzYWSec4G+TdinKuFn+NA5ZIA4wjrlDJBXuHaU7MRt5fzUxv+YCAK1UBHf8I0Oek"}');
INSERT INTO "revisions" VALUES('3baf5c93-279f-4913-8329-fd267e97eaf9',1,1795810017814,'{"variants":[{"track":1,"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","model_name":"echo","model_version":"1.0.0","template":{"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('783d1e9c-a4f1-4225-8f41-37488815b5d5',1,1795810017874,'{"variants":[{"track":1,"model_id":"18db0825-649c-4ef8-abd6-7ee3bad56b02","model_name":"broken","model_version":"1.0.0","template":{"model_id":"18db0825-649c-4ef8-abd6-7ee3bad56b02","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"18db0825-649c-4ef8-abd6-7ee3bad56b02","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('31691e00-05c6-46e5-9008-9978e458d995',2,1795810019357,'{"variants":[{"track":1,"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","model_name":"echo","model_version":"1.0.0","template":{"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"0bc3e036-e94e-4189-b079-93bf506a1c87","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"5958611b-2842-490d-83a5-b66d693a7f8a","model_name":"echo","model_version":"1.1.0","template":{"model_id":"5958611b-2842-490d-83a5-b66d693a7f8a","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"5958611b-2842-490d-83a5-b66d693a7f8a","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"TpMl9QhsBiyu+RJO12fSCUkwxM50kxAZ8jwrOD+ezjbQ4372ntLKiQlIH3j1o3pSkKIqGp7YyV6vP2eY/CF/7taod5zrCCo/DuHrNeHSHIHQJFco9cqmtFh+w9EHPoD6IPcjJ5bTcJQ/GQWY8LJtxUPyGxxDVlzDwdAqTxtge0bm9d2tiQ=="}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('559b8afbf900492d88deddfb069ee47e',1795810017227);
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
INSERT INTO "rollouts" VALUES('e0b71a38-2585-42f6-b26f-07941e6d1ef5','31691e00-05c6-46e5-9008-9978e458d995',1,'deploy',1,NULL,1795810017784,'success',0,'',1795810018215);
INSERT INTO "rollouts" VALUES('6aadad5e-bba4-47d9-8857-8d43f7e1c2d2','3baf5c93-279f-4913-8329-fd267e97eaf9',1,'deploy',1,NULL,1795810017814,'success',0,'',1795810018190);
INSERT INTO "rollouts" VALUES('f7e652b7-26fd-4f9e-8500-5ec3c2556959','783d1e9c-a4f1-4225-8f41-37488815b5d5',1,'deploy',1,NULL,1795810017874,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810019304);
INSERT INTO "rollouts" VALUES('d0b615a2-57f2-4d5a-9c43-2dbceadc23a8','31691e00-05c6-46e5-9008-9978e458d995',2,'update',2,1,1795810019357,'success',1,'',1795810019541);
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
INSERT INTO "services" VALUES('31691e00-05c6-46e5-9008-9978e458d995','1c824750590547298f9f3de3b0bdccfd','running','real-time','29d02e11a9d441bd867e9a3ba1e95242',1795810017784,'running',2,2,0,'in use','0','running','',1795810019357,1795810019541,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069219357);
INSERT INTO "services" VALUES('3baf5c93-279f-4913-8329-fd267e97eaf9','1c824750590547298f9f3de3b0bdccfd','stopped','real-time','29d02e11a9d441bd867e9a3ba1e95242',1795810017814,'stopped',1,1,0,'','0','stopped','',1795810017814,1795810019651,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('783d1e9c-a4f1-4225-8f41-37488815b5d5','1c824750590547298f9f3de3b0bdccfd','failed','real-time','29d02e11a9d441bd867e9a3ba1e95242',1795810017874,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810017874,1795810019304,60.0,12582912,1,'{}',NULL);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('29d02e11a9d441bd867e9a3ba1e95242','admin','4457f0647399434c84b7ed5ad3974cb9','$argon2id$v=19$m=19456,t=2,p=1$vfiMNs7p41px3bSqHXBwZQ$cLSBJGvMkkpbuc9RrKU6vu5+OTNo4ksLIcqpF/U9yos',1);
INSERT INTO "users" VALUES('6e5b732863a14b9987cccdc10b485ea3','ada','4457f0647399434c84b7ed5ad3974cb9','$argon2id$v=19$m=19456,t=2,p=1$O3Upo7WXStu5LN1tWsvDrA$8V7ADFmjauYzemaUaPwFo7Rp2f4NxQmtNd7o01p26Vc',1);
INSERT INTO "users" VALUES('559b8afbf900492d88deddfb069ee47e','bob','4457f0647399434c84b7ed5ad3974cb9','$argon2id$v=19$m=19456,t=2,p=1$9KOpOwMGwHRcV5q0MD7mXw$bpGEWV8bRtaI40GLmJXhcl/RaK5cd/s0GoMnLsCpyd8',0);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
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
CREATE INDEX ix_events_service_id_id ON events (service_id, id);
CREATE INDEX ix_events_service_id_occur_ms ON events (service_id, occur_ms);
CREATE INDEX ix_app_codes_app_id ON app_codes (app_id);
CREATE INDEX ix_app_bindings_service_id ON app_bindings (service_id);
COMMIT;
