BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('XQND47YOBRKRDPQICNJZ','4750ce4271a241328ab61ee9873ddc36','a133eb1a2cd84650abf17c1cf38eda3a',X'5CFA174AED114FCE1C1E23A95BA7FAA50D7F013771EE65C6598CFE7C364986D2CD988BAD1CE689E6176459A52C10E83005E4BB54FC21D30927CDB24747285EAFA3619FBB');
INSERT INTO "access_keys" VALUES('M1Z66OGDFWYRBSZ5H8TF','da4e51f8a8cb4dd4bd5c8509d9c447cd','a122df33ca77477ebb163e58333c8979',X'051E70BE6595FFEFD489A0C8FBD8F1518104B4ED2C1670015DDD59A691FBCD4109067212C45CD3DD7B3F71365464EAF22A872E6853690868D8780E42E3870D0EA22EC2B5');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('9f1a1216-f33a-41fc-bc7c-7ec33ab42dcd','95ac49ea-a376-4d69-a28c-72ff64c80e7c');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('36c68f84019047b6d59eb7631c2110be2c5cf59e9c1e3b3b32f6deb924681960','9f1a1216-f33a-41fc-bc7c-7ec33ab42dcd',X'9A3C4F6CC103ECFEB585347D8D15907AFED9319479C2045B4FE399CA141B04273D856A0D92CD87EAA0B95B1D6A6E9828861875F4727584C6800E6D440409DDEBFB660B2729FA95BB4DFB2BA63357F4E6CF9E4B9EF3D9B0C24B44D53E',1795810010832);
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
INSERT INTO "apps" VALUES('9f1a1216-f33a-41fc-bc7c-7ec33ab42dcd','a133eb1a2cd84650abf17c1cf38eda3a','shop','','4750ce4271a241328ab61ee9873ddc36',1795810010832);
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','a122df33ca77477ebb163e58333c8979');
INSERT INTO "buckets" VALUES('far','a122df33ca77477ebb163e58333c8979');
INSERT INTO "buckets" VALUES('input','a133eb1a2cd84650abf17c1cf38eda3a');
INSERT INTO "buckets" VALUES('output','a133eb1a2cd84650abf17c1cf38eda3a');
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
INSERT INTO "counters" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c',1,0,'20072-1795810007942',1,0);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	service_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	info TEXT NOT NULL, 
	occur_ms BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "events" VALUES(1,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','start to deploy service',1795810008909);
INSERT INTO "events" VALUES(2,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','start to deploy service',1795810008937);
INSERT INTO "events" VALUES(3,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','[echo 1.0.0] schedule resource success',1795810008939);
INSERT INTO "events" VALUES(4,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','[echo 1.0.0] starting model',1795810008939);
INSERT INTO "events" VALUES(5,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','start to deploy service',1795810008958);
INSERT INTO "events" VALUES(6,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','[echo 1.0.0] schedule resource success',1795810008960);
INSERT INTO "events" VALUES(7,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','[echo 1.0.0] starting model',1795810008960);
INSERT INTO "events" VALUES(8,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','[broken 1.0.0] schedule resource success',1795810009014);
INSERT INTO "events" VALUES(9,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','[broken 1.0.0] starting model',1795810009014);
INSERT INTO "events" VALUES(10,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','[echo 1.0.0] instance 3de587e9-6c44-49e7-9471-d9bb07115c1f is ready',1795810009149);
INSERT INTO "events" VALUES(11,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','abnormal','[broken 1.0.0] instance 8360f7c1-0ec0-43ce-abf3-37cdacafe586 ended: exited with status 3',1795810009165);
INSERT INTO "events" VALUES(12,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','[broken 1.0.0] schedule resource success',1795810009165);
INSERT INTO "events" VALUES(13,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','[broken 1.0.0] starting model',1795810009165);
INSERT INTO "events" VALUES(14,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','service started',1795810009168);
INSERT INTO "events" VALUES(15,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','[echo 1.0.0] instance ca40e641-fbf5-4952-ad92-ac175bc4991d is ready',1795810009208);
INSERT INTO "events" VALUES(16,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','service started',1795810009219);
INSERT INTO "events" VALUES(17,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','abnormal','[broken 1.0.0] instance 5d52d1c8-7642-4694-8924-1e59b78334d0 ended: exited with status 3',1795810009281);
INSERT INTO "events" VALUES(18,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','[broken 1.0.0] schedule resource success',1795810010286);
INSERT INTO "events" VALUES(19,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','normal','[broken 1.0.0] starting model',1795810010286);
INSERT INTO "events" VALUES(20,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','abnormal','[broken 1.0.0] instance 81b697c8-b0e8-4bb0-b21c-855ce35e707c ended: exited with status 3',1795810010382);
INSERT INTO "events" VALUES(21,'97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810010382);
INSERT INTO "events" VALUES(22,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','service being updated',1795810010445);
INSERT INTO "events" VALUES(23,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','auto stop enabled. The service will stop after 259200 s.',1795810010445);
INSERT INTO "events" VALUES(24,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','[echo 1.1.0] schedule resource success',1795810010462);
INSERT INTO "events" VALUES(25,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','[echo 1.1.0] starting model',1795810010462);
INSERT INTO "events" VALUES(26,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','[echo 1.1.0] instance 22de0306-5602-4fbd-931e-b0fd58133373 is ready',1795810010617);
INSERT INTO "events" VALUES(27,'95ac49ea-a376-4d69-a28c-72ff64c80e7c','normal','service updated',1795810010627);
INSERT INTO "events" VALUES(28,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','service being stopped',1795810010701);
INSERT INTO "events" VALUES(29,'421e0832-8ded-464d-9e40-58fed0f8ca65','normal','service stopped',1795810010738);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','a122df33ca77477ebb163e58333c8979');
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
INSERT INTO "grants" VALUES('4750ce4271a241328ab61ee9873ddc36','a133eb1a2cd84650abf17c1cf38eda3a','admin');
INSERT INTO "grants" VALUES('4750ce4271a241328ab61ee9873ddc36','system','admin');
INSERT INTO "grants" VALUES('da4e51f8a8cb4dd4bd5c8509d9c447cd','a122df33ca77477ebb163e58333c8979','member');
INSERT INTO "grants" VALUES('a6c04e9af6044ea9b7de9b0eac8b69c4','a122df33ca77477ebb163e58333c8979','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('a133eb1a2cd84650abf17c1cf38eda3a','POST /v1/{p}/services running','194a84c7edd5af975c467f0312f340205faf8fc32395fb2703880aff1c2e97d5',200,'{"body": {"service_id": "95ac49ea-a376-4d69-a28c-72ff64c80e7c", "resource_ids": ["INF-53351b53-f68a-402f-bf49-d673c7bc543d"]}, "headers": {"ETag": "\"1.1\""}}',1795896408909);
INSERT INTO "idempotency" VALUES('a133eb1a2cd84650abf17c1cf38eda3a','POST /v1/{p}/services stopped','8fade48f0be968ed5a1bdbb2a66f6625240a4b99352d3be9eb41457df4d12f24',200,'{"body": {"service_id": "421e0832-8ded-464d-9e40-58fed0f8ca65", "resource_ids": ["INF-370567eb-a1a9-436b-bbad-039e3b3c4399"]}, "headers": {"ETag": "\"1.1\""}}',1795896408937);
INSERT INTO "idempotency" VALUES('a133eb1a2cd84650abf17c1cf38eda3a','POST /v1/{p}/services failed','8cb2ec0bd6640289af9c29ebb1a9bab64bbc3a41d44d20e843dfd74fd5294953',200,'{"body": {"service_id": "97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c", "resource_ids": ["INF-39b07280-89bb-4675-ab44-e0d68f22540d"]}, "headers": {"ETag": "\"1.1\""}}',1795896408958);
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
INSERT INTO "instances" VALUES('3de587e9-6c44-49e7-9471-d9bb07115c1f','95ac49ea-a376-4d69-a28c-72ff64c80e7c',1,1,'ac6dda23976a5326','ready',1795810008938,1795810009148,1795810009148,'');
INSERT INTO "instances" VALUES('22de0306-5602-4fbd-931e-b0fd58133373','95ac49ea-a376-4d69-a28c-72ff64c80e7c',2,2,'4e34afd8a857eb07','ready',1795810010461,1795810010617,1795810010617,'');
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
INSERT INTO "models" VALUES('199ef858-0546-48d1-9feb-caeb7aad4c84','a133eb1a2cd84650abf17c1cf38eda3a','echo','1.0.0','Custom','/models/echo','4750ce4271a241328ab61ee9873ddc36',1795810008390,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('1d90a5b7-6608-4c83-8662-10cf0d07a634','a133eb1a2cd84650abf17c1cf38eda3a','broken','1.0.0','Custom','/models/broken','4750ce4271a241328ab61ee9873ddc36',1795810008523,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('7d1e3077-4bb2-441f-bd6c-ffde3af1d756','a133eb1a2cd84650abf17c1cf38eda3a','echo','1.1.0','Custom','/models/echo','4750ce4271a241328ab61ee9873ddc36',1795810008653,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('13cb6357-11c8-4e1c-8ff6-2c070ad5d141','a133eb1a2cd84650abf17c1cf38eda3a','missing','1.0.0','Custom','/models/missing','4750ce4271a241328ab61ee9873ddc36',1795810008783,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('b6f35887-eaa6-42ef-afb7-849aa1b2cbe4','a122df33ca77477ebb163e58333c8979','lab','running',1795810008363,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('a133eb1a2cd84650abf17c1cf38eda3a','local','41e8a2aa28cd42ed8dfe401af7a688ef','modelyard',1);
INSERT INTO "projects" VALUES('a122df33ca77477ebb163e58333c8979','research','41e8a2aa28cd42ed8dfe401af7a688ef','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('a122df33ca77477ebb163e58333c8979','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c',1,'199ef858-0546-48d1-9feb-caeb7aad4c84');
INSERT INTO "revision_models" VALUES('421e0832-8ded-464d-9e40-58fed0f8ca65',1,'199ef858-0546-48d1-9feb-caeb7aad4c84');
INSERT INTO "revision_models" VALUES('97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c',1,'1d90a5b7-6608-4c83-8662-10cf0d07a634');
INSERT INTO "revision_models" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c',2,'199ef858-0546-48d1-9feb-caeb7aad4c84');
INSERT INTO "revision_models" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c',2,'7d1e3077-4bb2-441f-bd6c-ffde3af1d756');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c',1,1795810008909,'{"variants":[{"track":1,"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","model_name":"echo","model_version":"1.0.0","template":{"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"+9ffLNdMIon13oUA25PjA7K7jUSKXJqq1UcxxmjPLCOWBRMUIPILv1tJWRwiahEOqPfGmBNlaqfKrtbSx0wkOaYV68T/sLd7WNsiXPnDheD9FtgF4dHTP3R8u3IMqRX/3qIi8Tu75tfQECVQhNujlSJWmeLW0CUX0Lyd"}');
INSERT INTO "revisions" VALUES('421e0832-8ded-464d-9e40-58fed0f8ca65',1,1795810008937,'{"variants":[{"track":1,"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","model_name":"echo","model_version":"1.0.0","template":{"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c',1,1795810008958,'{"variants":[{"track":1,"model_id":"1d90a5b7-6608-4c83-8662-10cf0d07a634","model_name":"broken","model_version":"1.0.0","template":{"model_id":"1d90a5b7-6608-4c83-8662-10cf0d07a634","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"1d90a5b7-6608-4c83-8662-10cf0d07a634","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c',2,1795810010445,'{"variants":[{"track":1,"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","model_name":"echo","model_version":"1.0.0","template":{"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"199ef858-0546-48d1-9feb-caeb7aad4c84","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"7d1e3077-4bb2-441f-bd6c-ffde3af1d756","model_name":"echo","model_version":"1.1.0","template":{"model_id":"7d1e3077-4bb2-441f-bd6c-ffde3af1d756","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"7d1e3077-4bb2-441f-bd6c-ffde3af1d756","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"zNixq/diz2zcYh7enPKdYrerL97vc2kBoFL0UtFcHDylBEG7QJhFVFSPWEfVzUCucnKuaZ5DdXp4B0p/1Kx9TIQ3HwTkbSOoVVWF/g+VDylmaQMbjIo2Ls/1byjBMvvNvAlFrsldeotuUcOgZ7s6uMzNl2MVBbAaw/CGDpIR7oGMb88fdw=="}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('a6c04e9af6044ea9b7de9b0eac8b69c4',1795810008319);
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
INSERT INTO "rollouts" VALUES('53351b53-f68a-402f-bf49-d673c7bc543d','95ac49ea-a376-4d69-a28c-72ff64c80e7c',1,'deploy',1,NULL,1795810008909,'success',0,'',1795810009168);
INSERT INTO "rollouts" VALUES('370567eb-a1a9-436b-bbad-039e3b3c4399','421e0832-8ded-464d-9e40-58fed0f8ca65',1,'deploy',1,NULL,1795810008937,'success',0,'',1795810009219);
INSERT INTO "rollouts" VALUES('39b07280-89bb-4675-ab44-e0d68f22540d','97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c',1,'deploy',1,NULL,1795810008958,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810010382);
INSERT INTO "rollouts" VALUES('b05b542e-5265-43bc-af25-48b2a3d9f876','95ac49ea-a376-4d69-a28c-72ff64c80e7c',2,'update',2,1,1795810010445,'success',1,'',1795810010627);
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
INSERT INTO "services" VALUES('95ac49ea-a376-4d69-a28c-72ff64c80e7c','a133eb1a2cd84650abf17c1cf38eda3a','running','real-time','4750ce4271a241328ab61ee9873ddc36',1795810008909,'running',2,2,0,'in use','0','running','',1795810010445,1795810010627,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069210445);
INSERT INTO "services" VALUES('421e0832-8ded-464d-9e40-58fed0f8ca65','a133eb1a2cd84650abf17c1cf38eda3a','stopped','real-time','4750ce4271a241328ab61ee9873ddc36',1795810008937,'stopped',1,1,0,'','0','stopped','',1795810008937,1795810010738,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('97ae4093-01e8-4a9c-9bf7-ad61ab11aa4c','a133eb1a2cd84650abf17c1cf38eda3a','failed','real-time','4750ce4271a241328ab61ee9873ddc36',1795810008958,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810008958,1795810010382,60.0,12582912,1,'{}',NULL);
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('4750ce4271a241328ab61ee9873ddc36','admin','41e8a2aa28cd42ed8dfe401af7a688ef','$argon2id$v=19$m=19456,t=2,p=1$kaInF2UtFoG7CNuBi/nosw$4P7LpTs8H6+DcO3zcfK5uKy1EghB+UX3lDFW+cMZ6ss',1);
INSERT INTO "users" VALUES('da4e51f8a8cb4dd4bd5c8509d9c447cd','ada','41e8a2aa28cd42ed8dfe401af7a688ef','$argon2id$v=19$m=19456,t=2,p=1$Xv/+DJ9wwm7qnP4zHVIugw$LaUbFls5MWPnr4uWhs4rq0m2dwrCag6d91obLdAKMOw',1);
INSERT INTO "users" VALUES('a6c04e9af6044ea9b7de9b0eac8b69c4','bob','41e8a2aa28cd42ed8dfe401af7a688ef','$argon2id$v=19$m=19456,t=2,p=1$mcqvwU047tH/O8SmnVDOmw$VuC5hVo8y7cMGDdE0EnFpzuhxfeH2Mu7wwrmK0n30tU',0);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_services_project_id_created_ms ON services (project_id, created_ms);
CREATE INDEX ix_services_project_id_transition_ms ON services (project_id, transition_ms);
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
COMMIT;
