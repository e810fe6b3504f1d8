BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key), 
	CONSTRAINT fk_access_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "access_keys" VALUES('6TYBQ79S1DT8LCKIDQ5L','c26080b674404f5ab6752a6e05bd96c5','1b92240505fb451fb5d1d9abd8c34870',X'741D9FB52447470C81496C2FEB19AABFB2FCB80F1FD0FF7425540D642455D91DCF763A5746AE418CA6FE412DE9F1FBB75F2159714EAE33B0DC61DE316EC912B273D6FA93');
INSERT INTO "access_keys" VALUES('06DDR4NG1YOCTP4R9H1T','2d5ee99752394001a7a041fa3e6ae392','0c4df534f910436798a75e65d48a85d9',X'38DD659E20F594C5E3B7F1F212CD7628B8273F373FEC0517AB4B135A7EAC3D502693114186392C98D7FEC5150BCA4693571CD74A43536447DD4A75EC04011B7BB008640A');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0008');
CREATE TABLE app_bindings (
	app_id VARCHAR NOT NULL, 
	service_id VARCHAR NOT NULL, 
	CONSTRAINT pk_app_bindings PRIMARY KEY (app_id, service_id), 
	CONSTRAINT fk_app_bindings_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_app_bindings_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_bindings" VALUES('410990cc-5cf4-4377-a221-48486aef136f','25cd3fff-4681-4bb7-a380-43c10d0265cc');
CREATE TABLE app_codes (
	digest VARCHAR NOT NULL, 
	app_id VARCHAR NOT NULL, 
	sealed_code BLOB NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_codes PRIMARY KEY (digest), 
	CONSTRAINT fk_app_codes_app_id FOREIGN KEY(app_id) REFERENCES apps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "app_codes" VALUES('57bb99738687424f7d5dd886bb11d90b84da8cb1dae576d1add7f863406e4d60','410990cc-5cf4-4377-a221-48486aef136f',X'06C50F759486C342EDD0F8C9935984CD459AD9589FF838B55A88FE90D57840CA2BC3D11087B0A32178E158398A45482CBD2E2BF09D071CF6B7B4611035DF97758E2B087356B33C147DE7BB1EF1AE3A0AB59710CDDE98E76E10CD0A4F',1795810087582);
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
INSERT INTO "apps" VALUES('410990cc-5cf4-4377-a221-48486aef136f','1b92240505fb451fb5d1d9abd8c34870','shop','','c26080b674404f5ab6752a6e05bd96c5',1795810087582);
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
INSERT INTO "audit" VALUES(1,1795810084418,'installation','','','root','local','modelyard up','','API http://127.0.0.1:37543, gateway http://127.0.0.1:39773','done',0,'','','modelyard 0.1.0','8b8b3e5d1a0e483a91fd068b745274bb','[]',1,NULL);
INSERT INTO "audit" VALUES(2,1795810084735,'1b92240505fb451fb5d1d9abd8c34870 logins','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','password','POST /v3/auth/tokens','v3/auth/tokens','','done',201,'','127.0.0.1','python-httpx/0.28.1','fa57dffbaecb466c97696b34d338d5e3','["auth.identity","auth.scope"]',1,NULL);
INSERT INTO "audit" VALUES(3,1795810084747,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v3/projects','v3/projects/0c4df534f910436798a75e65d48a85d9','research','done',201,'','127.0.0.1','python-httpx/0.28.1','669ea5feb9f34b52a85d6356ef95267c','["project.name"]',1,NULL);
INSERT INTO "audit" VALUES(4,1795810084782,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v3/users','v3/users/2d5ee99752394001a7a041fa3e6ae392','ada','done',201,'','127.0.0.1','python-httpx/0.28.1','7c9bc90247ef4b79997ddc832b541640','["user.name","user.password"]',1,NULL);
INSERT INTO "audit" VALUES(5,1795810084813,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v3/users','v3/users/4913dc9a3cfe4e7dad7c080252ae9411','bob','done',201,'','127.0.0.1','python-httpx/0.28.1','a80abe414b9545bcbf2702e58dab5179','["user.name","user.password"]',1,NULL);
INSERT INTO "audit" VALUES(6,1795810084828,'0c4df534f910436798a75e65d48a85d9','0c4df534f910436798a75e65d48a85d9','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v3/projects/{project_id}/users/{user_id}/roles/{role_id}','v3/projects/0c4df534f910436798a75e65d48a85d9/users/2d5ee99752394001a7a041fa3e6ae392/roles/member','','done',204,'','127.0.0.1','python-httpx/0.28.1','390da0ca543f4844849aa1c1646d7bd3','[]',1,NULL);
INSERT INTO "audit" VALUES(7,1795810084839,'0c4df534f910436798a75e65d48a85d9','0c4df534f910436798a75e65d48a85d9','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v3/projects/{project_id}/users/{user_id}/roles/{role_id}','v3/projects/0c4df534f910436798a75e65d48a85d9/users/4913dc9a3cfe4e7dad7c080252ae9411/roles/invoker','','done',204,'','127.0.0.1','python-httpx/0.28.1','fb9509b7073a4f45b66f72921721ad23','[]',1,NULL);
INSERT INTO "audit" VALUES(8,1795810084855,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','PATCH /v3/users/{user_id}','v3/users/4913dc9a3cfe4e7dad7c080252ae9411','','done',200,'','127.0.0.1','python-httpx/0.28.1','1a83b951e5c84a9f9e126c006462c71c','["user.enabled"]',1,NULL);
INSERT INTO "audit" VALUES(9,1795810084873,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v3.0/OS-CREDENTIAL/credentials','credentials/06DDR4NG1YOCTP4R9H1T','','done',201,'','127.0.0.1','python-httpx/0.28.1','69b2f25bf51d43ba95de0e8d42bc565c','["credential.user_id","credential.project_id","credential.description"]',1,NULL);
INSERT INTO "audit" VALUES(10,1795810084882,'0c4df534f910436798a75e65d48a85d9','0c4df534f910436798a75e65d48a85d9','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/modelyard/admin/projects/{project_id}/quotas','projects/0c4df534f910436798a75e65d48a85d9/quotas','','done',200,'','127.0.0.1','python-httpx/0.28.1','67f227f3ba7545dc94e4df1a2c647977','["quotas.real_time_services"]',1,NULL);
INSERT INTO "audit" VALUES(11,1795810084895,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/modelyard/admin/flavors','flavors/lab.small','lab.small','done',200,'','127.0.0.1','python-httpx/0.28.1','62c57770602a40cd8be5f23fd3d7bc5e','["name","cpu","memory_mib","open_projects"]',1,NULL);
INSERT INTO "audit" VALUES(12,1795810084904,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/modelyard/admin/pools','pools/a9ffdd06-51d7-4e58-9901-130cb7b2cd21','lab','done',200,'','127.0.0.1','python-httpx/0.28.1','cade5069d5074748965ed686868bb397','["name","project_id","nodes"]',1,NULL);
INSERT INTO "audit" VALUES(13,1795810084912,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/images','','done',200,'','127.0.0.1','python-httpx/0.28.1','f0f8d83a0a0e4d5db4be731a556cd6a1','["project_id"]',1,NULL);
INSERT INTO "audit" VALUES(14,1795810084920,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/far','','done',200,'','127.0.0.1','python-httpx/0.28.1','598f109a2a5d4aaa84eabce92d7cd325','["project_id","endpoint","access_key","secret_key"]',1,NULL);
INSERT INTO "audit" VALUES(15,1795810084925,'unknown callers','','','','','POST (no such call)','','','refused',404,'4204','127.0.0.1','python-httpx/0.28.1','45241e59e54f40178bdeffe6bebaa021','[]',1,NULL);
INSERT INTO "audit" VALUES(16,1795810084941,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/models','models/ce0b33ff-e8d1-414e-99a8-7707eea4ae4d','echo/1.0.0','done',200,'','127.0.0.1','python-httpx/0.28.1','3f97256bddca45f491bf8280162bea59','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(17,1795810085079,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/models','models/517b70cb-ae83-4979-ae67-65fa4e1651c1','broken/1.0.0','done',200,'','127.0.0.1','python-httpx/0.28.1','de43cefa368f49939ba0398eb0824beb','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(18,1795810085217,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/models','models/a45e565d-febe-4c55-b8cb-4b13dc93ca27','echo/1.1.0','done',200,'','127.0.0.1','python-httpx/0.28.1','d91ef1e8c0454709ab1b95b95c3a39ff','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(19,1795810085352,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/models','models/dc6becda-0129-44d1-b48f-bd7b146644e4','missing/1.0.0','done',200,'','127.0.0.1','python-httpx/0.28.1','4e21e1fd2a7b412a8e0c66f91fc7235b','["model_name","model_version","source_location","model_type","description","install_type"]',1,NULL);
INSERT INTO "audit" VALUES(20,1795810085492,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/services','services/25cd3fff-4681-4bb7-a380-43c10d0265cc','running','done',200,'','127.0.0.1','python-httpx/0.28.1','fd82ebaffc894e15b42274b3054e3ddb','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count","config[].envs","description"]',1,NULL);
INSERT INTO "audit" VALUES(21,1795810085540,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/services','services/dd200930-55ab-47b4-b047-5b5a431f9ce5','stopped','done',200,'','127.0.0.1','python-httpx/0.28.1','ce5b78fe64934210be99567037be58d5','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count"]',1,NULL);
INSERT INTO "audit" VALUES(22,1795810085575,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/services','services/ff7e189d-6daf-474d-982e-62fc31880e99','failed','done',200,'','127.0.0.1','python-httpx/0.28.1','a0a39fe6c0f148a6b1b12c45540fe8fc','["service_name","infer_type","config[].model_id","config[].weight","config[].specification","config[].instance_count"]',1,NULL);
INSERT INTO "audit" VALUES(23,1795810087201,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/{project_id}/services/{service_id}','services/25cd3fff-4681-4bb7-a380-43c10d0265cc','running','done',200,'','127.0.0.1','python-httpx/0.28.1','fcb86608b37b47bca441f8b345f34cd1','["config[].model_id","config[].weight","config[].specification","config[].instance_count","config[].envs","schedule[].type","schedule[].time_unit","schedule[].duration"]',1,NULL);
INSERT INTO "audit" VALUES(24,1795810087449,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/{project_id}/services/{service_id}','services/dd200930-55ab-47b4-b047-5b5a431f9ce5','stopped','done',200,'','127.0.0.1','python-httpx/0.28.1','7bb7a88af0a042b7be3c4f66a0f37e08','["status"]',1,NULL);
INSERT INTO "audit" VALUES(25,1795810087586,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/app-auth/apps','app-auth/apps/410990cc-5cf4-4377-a221-48486aef136f','shop','done',200,'','127.0.0.1','python-httpx/0.28.1','6911788eca7945b48f6d6c99973c2588','["name"]',1,NULL);
INSERT INTO "audit" VALUES(26,1795810087597,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/services/{service_id}/app-auth-api','services/25cd3fff-4681-4bb7-a380-43c10d0265cc/app-auth-api','running','done',200,'','127.0.0.1','python-httpx/0.28.1','2f1084dbd89e4445b3dc04042a03cc2d','["apps[].app_id"]',1,NULL);
INSERT INTO "audit" VALUES(27,1795810087611,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/input','','done',200,'','127.0.0.1','python-httpx/0.28.1','3af470b45db14441be43ff6cbf3bab41','["project_id"]',1,NULL);
INSERT INTO "audit" VALUES(28,1795810087626,'installation','','c26080b674404f5ab6752a6e05bd96c5','admin','token','PUT /v1/modelyard/admin/buckets/{bucket}','buckets/output','','done',200,'','127.0.0.1','python-httpx/0.28.1','056047b2d6f2407c865cb294b3532f23','["project_id"]',1,NULL);
INSERT INTO "audit" VALUES(29,1795810087645,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/services','services/c21f945d-1f6f-425a-ae20-ebb067955412','scores','done',200,'','127.0.0.1','python-httpx/0.28.1','b6a385ffe10044bdab9ce35d695f6fbd','["service_name","infer_type","config[].model_id","config[].specification","config[].instance_count","config[].src_path","config[].dest_path","config[].req_uri","config[].mapping_type","config[].mapping_rule"]',1,NULL);
INSERT INTO "audit" VALUES(30,1795810092681,'1b92240505fb451fb5d1d9abd8c34870','1b92240505fb451fb5d1d9abd8c34870','c26080b674404f5ab6752a6e05bd96c5','admin','token','POST /v1/{project_id}/services','services/a0e97189-adc0-4c22-b0be-54804a392957','again','done',200,'','127.0.0.1','python-httpx/0.28.1','1fe76f58b63148f89ce31ffd5a216fb5','["service_name","infer_type","config[].model_id","config[].specification","config[].instance_count","config[].src_path","config[].dest_path","config[].req_uri","config[].mapping_type","config[].mapping_rule"]',1,NULL);
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
INSERT INTO "batch_sources" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c3acf-18ebffc2939874c8-18','few.csv_result.txt','','2c2104-18ebffc2bc5e4d99-86');
INSERT INTO "batch_sources" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c3ad0-18ebffc2939e231e-442','more.csv_result.txt','','2c20f4-18ebffc2bd78a794-da2');
INSERT INTO "batch_sources" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',0,'obs://input/rows/few.csv',NULL,'input','rows/few.csv',24,'2c3acf-18ebffc2939874c8-18','few.csv_result.txt','','2c23f6-18ebffc3db777820-86');
INSERT INTO "batch_sources" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,'obs://input/rows/more.csv',NULL,'input','rows/more.csv',1090,'2c3ad0-18ebffc2939e231e-442','more.csv_result.txt','','2c2404-18ebffc3dba111af-da2');
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
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',0,0,4,0,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',0,4,8,1,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',0,8,15,2,1,'published',1,0,'',1,'',83,148,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',0,15,24,3,1,'published',1,0,'',0,'',19,19,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,0,70,0,16,'published',1,0,'',0,'',262,262,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,70,140,16,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,140,210,30,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,210,280,44,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,280,350,58,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,350,420,72,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,420,490,86,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,490,562,100,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,562,634,112,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,634,706,124,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,706,778,136,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,778,850,148,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,850,922,160,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,922,994,172,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',0,0,4,0,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',0,4,8,1,1,'published',1,0,'',0,'',16,16,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',0,8,15,2,1,'published',1,0,'',1,'',83,148,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',0,15,24,3,1,'published',1,0,'',0,'',19,19,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,0,70,0,16,'published',1,0,'',0,'',262,262,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,70,140,16,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,140,210,30,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,210,280,44,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,280,350,58,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,350,420,72,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,420,490,86,14,'published',1,0,'',0,'',238,238,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,490,562,100,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,562,634,112,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,634,706,124,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,706,778,136,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,778,850,148,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,850,922,160,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,922,994,172,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,994,1066,184,12,'published',1,0,'',0,'',216,216,0);
INSERT INTO "batch_splits" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00',1,1066,1090,196,4,'published',1,0,'',0,'',72,72,0);
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
INSERT INTO "batch_tasks" VALUES('8f4aa131-0f61-455b-ade8-423b3843edce','c21f945d-1f6f-425a-ae20-ebb067955412',1,1,'250c429b-f230-4c2d-93f0-b0c5c0b12dd2',1795810087656,'finished',1795810087955,1795810088347,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
INSERT INTO "batch_tasks" VALUES('f7e48cad-46c4-4a20-99f0-bc358b7afc00','a0e97189-adc0-4c22-b0be-54804a392957',1,1,'e387e5dd-f917-4e71-a533-b593ce405480',1795810092686,'finished',1795810092864,1795810093132,1,'{"after":"more.csv","line":0,"version":"","number":2,"rows":204,"at":-1,"row":0}','','',0,2,0,1114,20,20,204,203,1);
CREATE TABLE bucket_endpoints (
	name VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	region VARCHAR NOT NULL, 
	sealed_keys BLOB NOT NULL, 
	CONSTRAINT pk_bucket_endpoints PRIMARY KEY (name)
);
INSERT INTO "bucket_endpoints" VALUES('far','https://s3.example.com','us-east-1',X'AB96EB5AAF0CE9BF7C228B834F9D5E088D20FED84B222E4D10FBEE0D730D4661BABBFF61475CE632C362DDB7D206A4490194AEB5D78E46BA38');
CREATE TABLE buckets (
	name VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (name)
);
INSERT INTO "buckets" VALUES('images','0c4df534f910436798a75e65d48a85d9');
INSERT INTO "buckets" VALUES('far','0c4df534f910436798a75e65d48a85d9');
INSERT INTO "buckets" VALUES('input','1b92240505fb451fb5d1d9abd8c34870');
INSERT INTO "buckets" VALUES('output','1b92240505fb451fb5d1d9abd8c34870');
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
INSERT INTO "counters" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc',1,0,'21832-1795810084431',1,0);
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
INSERT INTO "events" VALUES(1,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','start to deploy service',1795810085477);
INSERT INTO "events" VALUES(2,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','[echo 1.0.0] schedule resource success',1795810085503);
INSERT INTO "events" VALUES(3,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','[echo 1.0.0] starting model',1795810085503);
INSERT INTO "events" VALUES(4,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','start to deploy service',1795810085530);
INSERT INTO "events" VALUES(5,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','[echo 1.0.0] schedule resource success',1795810085550);
INSERT INTO "events" VALUES(6,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','[echo 1.0.0] starting model',1795810085550);
INSERT INTO "events" VALUES(7,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','start to deploy service',1795810085562);
INSERT INTO "events" VALUES(8,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','[broken 1.0.0] schedule resource success',1795810085579);
INSERT INTO "events" VALUES(9,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','[broken 1.0.0] starting model',1795810085579);
INSERT INTO "events" VALUES(10,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','[echo 1.0.0] instance f03d51e9-4df2-4438-accc-c2bbd59d3a49 is ready',1795810085777);
INSERT INTO "events" VALUES(11,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','service started',1795810085785);
INSERT INTO "events" VALUES(12,'ff7e189d-6daf-474d-982e-62fc31880e99','abnormal','[broken 1.0.0] instance c5aa2c95-8415-4095-8f26-64f9ca51e275 ended: exited with status 3',1795810085902);
INSERT INTO "events" VALUES(13,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','[broken 1.0.0] schedule resource success',1795810085902);
INSERT INTO "events" VALUES(14,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','[broken 1.0.0] starting model',1795810085902);
INSERT INTO "events" VALUES(15,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','[echo 1.0.0] instance e03c84d0-a081-47de-96fa-eb0f34b630ba is ready',1795810085909);
INSERT INTO "events" VALUES(16,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','service started',1795810085946);
INSERT INTO "events" VALUES(17,'ff7e189d-6daf-474d-982e-62fc31880e99','abnormal','[broken 1.0.0] instance 39516aea-1812-4dee-b88b-31f1a14baaf2 ended: exited with status 3',1795810086031);
INSERT INTO "events" VALUES(18,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','[broken 1.0.0] schedule resource success',1795810087034);
INSERT INTO "events" VALUES(19,'ff7e189d-6daf-474d-982e-62fc31880e99','normal','[broken 1.0.0] starting model',1795810087034);
INSERT INTO "events" VALUES(20,'ff7e189d-6daf-474d-982e-62fc31880e99','abnormal','[broken 1.0.0] instance b7eb1177-2012-47a0-a8c5-b0fc36c92df7 ended: exited with status 3',1795810087152);
INSERT INTO "events" VALUES(21,'ff7e189d-6daf-474d-982e-62fc31880e99','abnormal','service failed to start. Cause: instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3',1795810087152);
INSERT INTO "events" VALUES(22,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','service being updated',1795810087195);
INSERT INTO "events" VALUES(23,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','auto stop enabled. The service will stop after 259200 s.',1795810087195);
INSERT INTO "events" VALUES(24,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','[echo 1.1.0] schedule resource success',1795810087210);
INSERT INTO "events" VALUES(25,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','[echo 1.1.0] starting model',1795810087210);
INSERT INTO "events" VALUES(26,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','[echo 1.1.0] instance de303fed-e0ee-4388-95f6-9d3fc5f24e5d is ready',1795810087378);
INSERT INTO "events" VALUES(27,'25cd3fff-4681-4bb7-a380-43c10d0265cc','normal','service updated',1795810087387);
INSERT INTO "events" VALUES(28,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','service being stopped',1795810087447);
INSERT INTO "events" VALUES(29,'dd200930-55ab-47b4-b047-5b5a431f9ce5','normal','service stopped',1795810087482);
INSERT INTO "events" VALUES(30,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','start to deploy service',1795810087634);
INSERT INTO "events" VALUES(31,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','task 1 began',1795810087656);
INSERT INTO "events" VALUES(32,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','[echo 1.0.0] schedule resource success',1795810087656);
INSERT INTO "events" VALUES(33,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','[echo 1.0.0] starting model',1795810087656);
INSERT INTO "events" VALUES(34,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','[echo 1.0.0] worker 138e8364-9204-4155-b218-5d74eea8ba0b is ready',1795810087901);
INSERT INTO "events" VALUES(35,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','service started',1795810087901);
INSERT INTO "events" VALUES(36,'c21f945d-1f6f-425a-ae20-ebb067955412','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810088355);
INSERT INTO "events" VALUES(37,'a0e97189-adc0-4c22-b0be-54804a392957','normal','start to deploy service',1795810092668);
INSERT INTO "events" VALUES(38,'a0e97189-adc0-4c22-b0be-54804a392957','normal','task 1 began',1795810092686);
INSERT INTO "events" VALUES(39,'a0e97189-adc0-4c22-b0be-54804a392957','normal','[echo 1.0.0] schedule resource success',1795810092686);
INSERT INTO "events" VALUES(40,'a0e97189-adc0-4c22-b0be-54804a392957','normal','[echo 1.0.0] starting model',1795810092686);
INSERT INTO "events" VALUES(41,'a0e97189-adc0-4c22-b0be-54804a392957','normal','[echo 1.0.0] worker 8500328f-3a3b-4623-ab94-cd0e4f9334ac is ready',1795810092855);
INSERT INTO "events" VALUES(42,'a0e97189-adc0-4c22-b0be-54804a392957','normal','service started',1795810092855);
INSERT INTO "events" VALUES(43,'a0e97189-adc0-4c22-b0be-54804a392957','normal','task 1 finished: 203 rows SUCCESSFUL, 1 FAILED',1795810093137);
CREATE TABLE flavor_projects (
	flavor_id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	CONSTRAINT pk_flavor_projects PRIMARY KEY (flavor_id, project_id), 
	CONSTRAINT fk_flavor_projects_flavor_id FOREIGN KEY(flavor_id) REFERENCES flavors (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "flavor_projects" VALUES('lab.small','0c4df534f910436798a75e65d48a85d9');
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
INSERT INTO "grants" VALUES('c26080b674404f5ab6752a6e05bd96c5','1b92240505fb451fb5d1d9abd8c34870','admin');
INSERT INTO "grants" VALUES('c26080b674404f5ab6752a6e05bd96c5','system','admin');
INSERT INTO "grants" VALUES('2d5ee99752394001a7a041fa3e6ae392','0c4df534f910436798a75e65d48a85d9','member');
INSERT INTO "grants" VALUES('4913dc9a3cfe4e7dad7c080252ae9411','0c4df534f910436798a75e65d48a85d9','invoker');
CREATE TABLE idempotency (
	project_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (project_id, "key")
);
INSERT INTO "idempotency" VALUES('1b92240505fb451fb5d1d9abd8c34870','POST /v1/{p}/services running','5ba1020a2fb01ae3574037866f282581c4e7f70356d67fa30347d0ef44021bd9',200,'{"body": {"service_id": "25cd3fff-4681-4bb7-a380-43c10d0265cc", "resource_ids": ["INF-3586cc0d-5b29-481c-85ab-aa65294d4d93"]}, "headers": {"ETag": "\"1.1\""}}',1795896485477);
INSERT INTO "idempotency" VALUES('1b92240505fb451fb5d1d9abd8c34870','POST /v1/{p}/services stopped','c0f05d99a11d2c35a263bc8bc792e25174bfff97bdb1fdc83b09f5b76d63fa9c',200,'{"body": {"service_id": "dd200930-55ab-47b4-b047-5b5a431f9ce5", "resource_ids": ["INF-0b41d827-cc56-4e44-a834-4eba77c6f40a"]}, "headers": {"ETag": "\"1.1\""}}',1795896485530);
INSERT INTO "idempotency" VALUES('1b92240505fb451fb5d1d9abd8c34870','POST /v1/{p}/services failed','d97c987c46988832307d62264737c56c6dad29c9250686ab19768b7e1bed2ea5',200,'{"body": {"service_id": "ff7e189d-6daf-474d-982e-62fc31880e99", "resource_ids": ["INF-8c5d2ab9-5bfc-48f7-aad5-7a98692f496f"]}, "headers": {"ETag": "\"1.1\""}}',1795896485562);
INSERT INTO "idempotency" VALUES('1b92240505fb451fb5d1d9abd8c34870','POST /v1/{p}/services scores','51e558d2741f95f7a6b4017b3dbc049f9ba6df167827f558f3f7bf1e7002df32',200,'{"body": {"service_id": "c21f945d-1f6f-425a-ae20-ebb067955412", "resource_ids": ["INF-250c429b-f230-4c2d-93f0-b0c5c0b12dd2"]}, "headers": {"ETag": "\"1.1\""}}',1795896487634);
INSERT INTO "idempotency" VALUES('1b92240505fb451fb5d1d9abd8c34870','POST /v1/{p}/services again','13a08551742bdf06c9ad46d6436c7190ecd0e02c08b4e2126ea8414a202e9632',200,'{"body": {"service_id": "a0e97189-adc0-4c22-b0be-54804a392957", "resource_ids": ["INF-e387e5dd-f917-4e71-a533-b593ce405480"]}, "headers": {"ETag": "\"1.1\""}}',1795896492668);
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
INSERT INTO "instances" VALUES('e03c84d0-a081-47de-96fa-eb0f34b630ba','25cd3fff-4681-4bb7-a380-43c10d0265cc',1,1,'7b420189c8a895d1','ready',1795810085502,1795810085908,1795810085908,'','','unix:instances/e03c84d0-a081-47de-96fa-eb0f34b630ba/s.sock');
INSERT INTO "instances" VALUES('de303fed-e0ee-4388-95f6-9d3fc5f24e5d','25cd3fff-4681-4bb7-a380-43c10d0265cc',2,2,'8a02fccca74e88e0','ready',1795810087209,1795810087377,1795810087377,'','','unix:instances/de303fed-e0ee-4388-95f6-9d3fc5f24e5d/s.sock');
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
INSERT INTO "models" VALUES('ce0b33ff-e8d1-414e-99a8-7707eea4ae4d','1b92240505fb451fb5d1d9abd8c34870','echo','1.0.0','Custom','/models/echo','c26080b674404f5ab6752a6e05bd96c5',1795810084936,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('517b70cb-ae83-4979-ae67-65fa4e1651c1','1b92240505fb451fb5d1d9abd8c34870','broken','1.0.0','Custom','/models/broken','c26080b674404f5ab6752a6e05bd96c5',1795810085076,'published','2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99',738,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"broken","runtime":"python3.11","apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('a45e565d-febe-4c55-b8cb-4b13dc93ca27','1b92240505fb451fb5d1d9abd8c34870','echo','1.1.0','Custom','/models/echo','c26080b674404f5ab6752a6e05bd96c5',1795810085214,'published','3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8',658,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{"model_type":"Custom","model_algorithm":"echo","runtime":"python3.11","example":{"hello":"world"},"apis":[{"url":"/","method":"post","request":{"Content-type":"application/json","data":{"type":"object"}},"response":{"Content-type":"application/json","data":{"type":"object"}}}]}','','0','größer');
INSERT INTO "models" VALUES('dc6becda-0129-44d1-b48f-bd7b146644e4','1b92240505fb451fb5d1d9abd8c34870','missing','1.0.0','Custom','/models/missing','c26080b674404f5ab6752a6e05bd96c5',1795810085349,'failed','',0,'["batch","real-time"]','{"description":"gr\u00f6\u00dfer","install_type":["real-time","batch"]}','{}','model: there is no directory model/ with files in it: obs://models/missing/model is empty or not there (ModelArts.3017)','0','größer');
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
INSERT INTO "pools" VALUES('a9ffdd06-51d7-4e58-9901-130cb7b2cd21','0c4df534f910436798a75e65d48a85d9','lab','running',1795810084902,'{"nodes":["node-1"]}');
CREATE TABLE projects (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain_id VARCHAR NOT NULL, 
	domain_name VARCHAR NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT uq_projects_domain_id_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('1b92240505fb451fb5d1d9abd8c34870','local','8953d1151b8e4713a272fa2caea7d58d','modelyard',1);
INSERT INTO "projects" VALUES('0c4df534f910436798a75e65d48a85d9','research','8953d1151b8e4713a272fa2caea7d58d','modelyard',1);
CREATE TABLE quotas (
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_quotas PRIMARY KEY (project_id, name)
);
INSERT INTO "quotas" VALUES('0c4df534f910436798a75e65d48a85d9','real_time_services',7);
CREATE TABLE revision_models (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	model_id VARCHAR NOT NULL, 
	CONSTRAINT pk_revision_models PRIMARY KEY (service_id, number, model_id), 
	CONSTRAINT fk_revision_models_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revision_models" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc',1,'ce0b33ff-e8d1-414e-99a8-7707eea4ae4d');
INSERT INTO "revision_models" VALUES('dd200930-55ab-47b4-b047-5b5a431f9ce5',1,'ce0b33ff-e8d1-414e-99a8-7707eea4ae4d');
INSERT INTO "revision_models" VALUES('ff7e189d-6daf-474d-982e-62fc31880e99',1,'517b70cb-ae83-4979-ae67-65fa4e1651c1');
INSERT INTO "revision_models" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc',2,'ce0b33ff-e8d1-414e-99a8-7707eea4ae4d');
INSERT INTO "revision_models" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc',2,'a45e565d-febe-4c55-b8cb-4b13dc93ca27');
INSERT INTO "revision_models" VALUES('c21f945d-1f6f-425a-ae20-ebb067955412',1,'ce0b33ff-e8d1-414e-99a8-7707eea4ae4d');
INSERT INTO "revision_models" VALUES('a0e97189-adc0-4c22-b0be-54804a392957',1,'ce0b33ff-e8d1-414e-99a8-7707eea4ae4d');
CREATE TABLE revisions (
	service_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	variants JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (service_id, number), 
	CONSTRAINT fk_revisions_service_id FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc',1,1795810085477,'{"variants":[{"track":1,"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","model_name":"echo","model_version":"1.0.0","template":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}}],"envs":"MkkJguc9emppeJRGgPMEIBH5KJCalJ9cOLMrqYN4HKfk5ocYktS6r5ASkq6Gh8KjOOjETY9hWj2lSQoc9OGbCcxsmnwtXndFXGCGp3WaPI2WKwAVUtpoZrUno4EAHEliZcY+aZvfcaPhqj0tm/GY9INTxW0lLgRadPpw"}');
INSERT INTO "revisions" VALUES('dd200930-55ab-47b4-b047-5b5a431f9ce5',1,1795810085530,'{"variants":[{"track":1,"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","model_name":"echo","model_version":"1.0.0","template":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('ff7e189d-6daf-474d-982e-62fc31880e99',1,1795810085562,'{"variants":[{"track":1,"model_id":"517b70cb-ae83-4979-ae67-65fa4e1651c1","model_name":"broken","model_version":"1.0.0","template":{"model_id":"517b70cb-ae83-4979-ae67-65fa4e1651c1","digest":"2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"517b70cb-ae83-4979-ae67-65fa4e1651c1","weight":100,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":null}');
INSERT INTO "revisions" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc',2,1795810087195,'{"variants":[{"track":1,"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","model_name":"echo","model_version":"1.0.0","template":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":70,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","weight":70,"specification":"modelarts.vm.cpu.2u","instance_count":1,"envs":null}},{"track":2,"model_id":"a45e565d-febe-4c55-b8cb-4b13dc93ca27","model_name":"echo","model_version":"1.1.0","template":{"model_id":"a45e565d-febe-4c55-b8cb-4b13dc93ca27","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":30,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"raw":{"model_id":"a45e565d-febe-4c55-b8cb-4b13dc93ca27","weight":30,"specification":"modelarts.vm.cpu.2u","instance_count":1}}],"envs":"uQk+AlNtom5UOw7E5hnfdVWt8GfGDxkwNyqXRANJFvPKaXnPMjk516PBcCzmKZISvoNuTou4LHSiq2c9awnohvlPAvy6tD+V7ZCzHzF1r+l+UC5eU8x1XDx3TZmQd7JNtD/psKgMq+C02U3y3UdhHiYXJxUzfQgUSBYjgInkAQcYCiEaRQ=="}');
INSERT INTO "revisions" VALUES('c21f945d-1f6f-425a-ae20-ebb067955412',1,1795810087634,'{"variants":[{"track":1,"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","model_name":"echo","model_version":"1.0.0","template":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/scores/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/scores/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
INSERT INTO "revisions" VALUES('a0e97189-adc0-4c22-b0be-54804a392957',1,1795810092668,'{"variants":[{"track":1,"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","model_name":"echo","model_version":"1.0.0","template":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","digest":"3df5261d40f5215475038da0771a61b3c75071dd4344ad8d07b598815f4522d8","specification":"modelarts.vm.cpu.2u","envs":[],"pool":"","cpu":0.0,"memory_mib":0,"volumes":[],"pids":0,"open_files":0,"resources":{"cpu":2,"memory_mib":8192,"pids":1024,"open_files":16384,"gpus":0,"npus":0}},"instance_count":1,"weight":100,"max_surge":1,"max_unavailable":0,"deploy_timeout_s":1200,"termination_grace_s":30,"job":{"source":"obs://input/rows/","destination":"obs://output/again/","uri":"/","format":"csv","method":"POST","manifest":false,"mapping":{"fields":{"n":{"leaf":"number","index":0},"s":{"leaf":"string","index":1}}},"file_field":"","csv":{"header":false,"delimiter":",","encoding":"utf-8"},"output":"txt","error_threshold":null,"row_timeout_s":60.0,"max_row_bytes":12582912},"raw":{"model_id":"ce0b33ff-e8d1-414e-99a8-7707eea4ae4d","specification":"modelarts.vm.cpu.2u","instance_count":1,"src_path":"obs://input/rows/","dest_path":"obs://output/again/","req_uri":"/","mapping_type":"csv","mapping_rule":{"type":"object","properties":{"n":{"type":"number","index":0},"s":{"type":"string","index":1}}}}}],"envs":null}');
CREATE TABLE revocations (
	user_id VARCHAR NOT NULL, 
	before_ms BIGINT NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (user_id)
);
INSERT INTO "revocations" VALUES('4913dc9a3cfe4e7dad7c080252ae9411',1795810084854);
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
INSERT INTO "rollouts" VALUES('3586cc0d-5b29-481c-85ab-aa65294d4d93','25cd3fff-4681-4bb7-a380-43c10d0265cc',1,'deploy',1,NULL,1795810085477,'success',0,'',1795810085946);
INSERT INTO "rollouts" VALUES('0b41d827-cc56-4e44-a834-4eba77c6f40a','dd200930-55ab-47b4-b047-5b5a431f9ce5',1,'deploy',1,NULL,1795810085530,'success',0,'',1795810085785);
INSERT INTO "rollouts" VALUES('8c5d2ab9-5bfc-48f7-aad5-7a98692f496f','ff7e189d-6daf-474d-982e-62fc31880e99',1,'deploy',1,NULL,1795810085562,'fail',0,'instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810087152);
INSERT INTO "rollouts" VALUES('7c7cd454-4ff7-47c1-afd6-e1a8c9446bb3','25cd3fff-4681-4bb7-a380-43c10d0265cc',2,'update',2,1,1795810087195,'success',1,'',1795810087387);
INSERT INTO "rollouts" VALUES('250c429b-f230-4c2d-93f0-b0c5c0b12dd2','c21f945d-1f6f-425a-ae20-ebb067955412',1,'deploy',1,NULL,1795810087634,'success',1,'',1795810087901);
INSERT INTO "rollouts" VALUES('e387e5dd-f917-4e71-a533-b593ce405480','a0e97189-adc0-4c22-b0be-54804a392957',1,'deploy',1,NULL,1795810092668,'success',1,'',1795810092855);
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
INSERT INTO "services" VALUES('25cd3fff-4681-4bb7-a380-43c10d0265cc','1b92240505fb451fb5d1d9abd8c34870','running','real-time','c26080b674404f5ab6752a6e05bd96c5',1795810085477,'running',2,2,0,'in use','0','running','',1795810087195,1795810087387,60.0,12582912,2,'{"schedule":[{"type":"stop","time_unit":"DAYS","duration":3}]}',1796069287195);
INSERT INTO "services" VALUES('dd200930-55ab-47b4-b047-5b5a431f9ce5','1b92240505fb451fb5d1d9abd8c34870','stopped','real-time','c26080b674404f5ab6752a6e05bd96c5',1795810085530,'stopped',1,1,0,'','0','stopped','',1795810085530,1795810087482,60.0,12582912,2,'{}',NULL);
INSERT INTO "services" VALUES('ff7e189d-6daf-474d-982e-62fc31880e99','1b92240505fb451fb5d1d9abd8c34870','failed','real-time','c26080b674404f5ab6752a6e05bd96c5',1795810085562,'running',1,NULL,1,'','0','failed','instances of broken 1.0.0 ended 3 times before they were ready: exited with status 3
The last lines of its log:
Traceback (most recent call last):
  File "/opt/modelyard/modelyard_runtime/loading/script.py", line 45, in load_service
    return cls(*arguments, **named)
           ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/modelyard/data/packages/2e3730dc31adb2b118096e99dc6b20dda31275f5e3592f2fdea31b3bbaebcc99/model/customize_service.py", line 9, in __init__
    raise RuntimeError("this example fails to load on purpose")
RuntimeError: this example fails to load on purpose
The model cannot be served: BrokenService.__init__ in customize_service.py failed: RuntimeError: this example fails to load on purpose (customize_service.py, line 9)',1795810085562,1795810087152,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('c21f945d-1f6f-425a-ae20-ebb067955412','1b92240505fb451fb5d1d9abd8c34870','scores','batch','c26080b674404f5ab6752a6e05bd96c5',1795810087634,'running',1,1,0,'','0','finished','',1795810087634,1795810088355,60.0,12582912,1,'{}',NULL);
INSERT INTO "services" VALUES('a0e97189-adc0-4c22-b0be-54804a392957','1b92240505fb451fb5d1d9abd8c34870','again','batch','c26080b674404f5ab6752a6e05bd96c5',1795810092668,'running',1,1,0,'','0','finished','',1795810092668,1795810093137,60.0,12582912,1,'{}',NULL);
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
INSERT INTO "users" VALUES('c26080b674404f5ab6752a6e05bd96c5','admin','8953d1151b8e4713a272fa2caea7d58d','$argon2id$v=19$m=19456,t=2,p=1$4RoomtwBgCIJeCU57nvrTg$TeAZxpbj8Ds8S1J0Za0//c6tqMTJfAGd0PqxoXmvzIo',1);
INSERT INTO "users" VALUES('2d5ee99752394001a7a041fa3e6ae392','ada','8953d1151b8e4713a272fa2caea7d58d','$argon2id$v=19$m=19456,t=2,p=1$zk6Egj6YFCAk+Dv5LktJEw$KH5knekdyyUbuTXiI+ORgaON3z//Vc3nO79N/vUbKOk',1);
INSERT INTO "users" VALUES('4913dc9a3cfe4e7dad7c080252ae9411','bob','8953d1151b8e4713a272fa2caea7d58d','$argon2id$v=19$m=19456,t=2,p=1$13edm+AFHkTO+/YBe2VzYg$jKAwkboUT7IsF9XNYOEikZlmOK5TXgwjnuZM1Eq5wCs',0);
CREATE INDEX ix_models_project_id_created_ms ON models (project_id, created_ms);
CREATE INDEX ix_models_status ON models (status);
CREATE INDEX ix_services_project_id_created_ms ON services (project_id, created_ms);
CREATE INDEX ix_services_project_id_transition_ms ON services (project_id, transition_ms);
CREATE INDEX ix_services_due_ms ON services (due_ms);
CREATE INDEX ix_buckets_project_id ON buckets (project_id);
CREATE INDEX ix_idempotency_expires_ms ON idempotency (expires_ms);
CREATE INDEX ix_audit_lane_number ON audit (lane, number);
CREATE INDEX ix_audit_project_id_number ON audit (project_id, number);
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
CREATE INDEX ix_messages_topic_urn ON messages (topic_urn);
CREATE INDEX ix_messages_created_ms ON messages (created_ms);
CREATE INDEX ix_batch_sources_task_id_result ON batch_sources (task_id, result);
CREATE INDEX ix_batch_splits_task_id_state_source_start ON batch_splits (task_id, state, source, start);
CREATE INDEX ix_log_channels_service_id ON log_channels (service_id);
CREATE INDEX ix_deliveries_state_subscription_urn_service_id_number ON deliveries (state, subscription_urn, service_id, number);
CREATE INDEX ix_deliveries_number ON deliveries (number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',30);
COMMIT;
