CREATE TABLE `session` (
          `id` text PRIMARY KEY,
          `project_id` text NOT NULL,
          `workspace_id` text,
          `parent_id` text,
          `slug` text NOT NULL,
          `directory` text NOT NULL,
          `path` text,
          `title` text NOT NULL,
          `version` text NOT NULL,
          `share_url` text,
          `summary_additions` integer,
          `summary_deletions` integer,
          `summary_files` integer,
          `summary_diffs` text,
          `metadata` text,
          `cost` real DEFAULT 0 NOT NULL,
          `tokens_input` integer DEFAULT 0 NOT NULL,
          `tokens_output` integer DEFAULT 0 NOT NULL,
          `tokens_reasoning` integer DEFAULT 0 NOT NULL,
          `tokens_cache_read` integer DEFAULT 0 NOT NULL,
          `tokens_cache_write` integer DEFAULT 0 NOT NULL,
          `revert` text,
          `permission` text,
          `agent` text,
          `model` text,
          `time_created` integer NOT NULL,
          `time_updated` integer NOT NULL,
          `time_compacting` integer,
          `time_archived` integer,
          CONSTRAINT `fk_session_project_id_project_id_fk` FOREIGN KEY (`project_id`) REFERENCES `project`(`id`) ON DELETE CASCADE
        );
INSERT INTO session VALUES('ses_de599ab47ffeSm7nnKT67L8nwV','global',NULL,'ses_de599bbdeffe747K72VHMLVOI2','nimble-river','/srv/shop','','look around (@general subagent)','1.18.33',NULL,0,0,0,NULL,NULL,0.0,6000,80,43,2023,0,NULL,'[{"permission":"question","pattern":"*","action":"deny"},{"permission":"plan_enter","pattern":"*","action":"deny"},{"permission":"plan_exit" …','general','{"id":"gpt-5.5","providerID":"local","variant":"default"}',1795739243704,1795739245065,NULL,NULL);
INSERT INTO session VALUES('ses_de599bbdeffe747K72VHMLVOI2','global',NULL,NULL,'cosmic-engine','/srv/shop','','the answer of the stand-in','1.18.33',NULL,0,0,0,NULL,NULL,0.0,6000,80,43,2023,0,NULL,'[{"permission":"question","pattern":"*","action":"deny"},{"permission":"plan_enter","pattern":"*","action":"deny"},{"permission":"plan_exit" …','build','{"id":"gpt-5.5","providerID":"local","variant":"default"}',1795739239457,1795739245496,NULL,NULL);
INSERT INTO session VALUES('ses_de59ad43cffe838fXBPjZef4TY','global',NULL,NULL,'sunny-canyon','/srv/shop','','the answer of the stand-in','1.18.33',NULL,0,0,0,NULL,NULL,0.0,6000,80,53,2033,0,NULL,'[{"permission":"question","pattern":"*","action":"deny"},{"permission":"plan_enter","pattern":"*","action":"deny"},{"permission":"plan_exit" …','build','{"id":"gpt-5.5","providerID":"local","variant":"default"}',1795739167683,1795739173635,NULL,NULL);
CREATE TABLE `message` (
          `id` text PRIMARY KEY,
          `session_id` text NOT NULL,
          `time_created` integer NOT NULL,
          `time_updated` integer NOT NULL,
          `data` text NOT NULL,
          CONSTRAINT `fk_message_session_id_session_id_fk` FOREIGN KEY (`session_id`) REFERENCES `session`(`id`) ON DELETE CASCADE
        );
INSERT INTO message VALUES('msg_21a652c3f001CDnF6dcsPwm6rD','ses_de59ad43cffe838fXBPjZef4TY',1795739167807,1795739173272,'{"role":"user","time":{"created":1795739167807},"agent":"build","model":{"providerID":"local","modelID":"gpt-5.5"},"summary":{"diffs":[]}}');
INSERT INTO message VALUES('msg_21a653219001tUMHlTbQQbH0Qx','ses_de59ad43cffe838fXBPjZef4TY',1795739169306,1795739172937,'{"parentID":"msg_21a652c3f001CDnF6dcsPwm6rD","role":"assistant","mode":"build","agent":"build","path":{"cwd":"/srv/shop","root":"/srv/shop"},"cost":0,"tokens":{"total":4082,"input":3000,"output":40,"reasoning":26,"cache":{"write":0,"read":1016}},"modelID":"gpt-5.5","providerID":"local","time":{"created":1795739169306,"completed":1795739172935},"finish":"tool-calls"}');
INSERT INTO message VALUES('msg_21a654051001gbi1z7KU9Ivs74','ses_de59ad43cffe838fXBPjZef4TY',1795739172945,1795739173598,'{"parentID":"msg_21a652c3f001CDnF6dcsPwm6rD","role":"assistant","mode":"build","agent":"build","path":{"cwd":"/srv/shop","root":"/srv/shop"},"cost":0,"tokens":{"total":4084,"input":3000,"output":40,"reasoning":27,"cache":{"write":0,"read":1017}},"modelID":"gpt-5.5","providerID":"local","time":{"created":1795739172945,"completed":1795739173596},"finish":"stop"}');
INSERT INTO message VALUES('msg_21a6646ef001Z1PjQj09LZ2vY9','ses_de599bbdeffe747K72VHMLVOI2',1795739240176,1795739245373,'{"role":"user","time":{"created":1795739240176},"agent":"build","model":{"providerID":"local","modelID":"gpt-5.5"},"summary":{"diffs":[]}}');
INSERT INTO message VALUES('msg_21a664e38001Fg9LZFJKiq8zLX','ses_de599bbdeffe747K72VHMLVOI2',1795739242042,1795739245137,'{"parentID":"msg_21a6646ef001Z1PjQj09LZ2vY9","role":"assistant","mode":"build","agent":"build","path":{"cwd":"/srv/shop","root":"/srv/shop"},"cost":0,"tokens":{"total":4070,"input":3000,"output":40,"reasoning":20,"cache":{"write":0,"read":1010}},"modelID":"gpt-5.5","providerID":"local","time":{"created":1795739242042,"completed":1795739245136},"finish":"tool-calls"}');
INSERT INTO message VALUES('msg_21a6654d10018j5iqpRV6CQCQN','ses_de599ab47ffeSm7nnKT67L8nwV',1795739243730,1795739245309,'{"role":"user","time":{"created":1795739243730},"agent":"general","model":{"providerID":"local","modelID":"gpt-5.5"},"summary":{"diffs":[]}}');
INSERT INTO message VALUES('msg_21a665506001RCiir6n5I2su36','ses_de599ab47ffeSm7nnKT67L8nwV',1795739243782,1795739244499,'{"parentID":"msg_21a6654d10018j5iqpRV6CQCQN","role":"assistant","mode":"general","agent":"general","path":{"cwd":"/srv/shop","root":"/srv/shop"},"cost":0,"tokens":{"total":4072,"input":3000,"output":40,"reasoning":21,"cache":{"write":0,"read":1011}},"modelID":"gpt-5.5","providerID":"local","time":{"created":1795739243782,"completed":1795739244497},"finish":"tool-calls"}');
INSERT INTO message VALUES('msg_21a6657d80012DfU1aIJgpZfu7','ses_de599ab47ffeSm7nnKT67L8nwV',1795739244504,1795739245035,'{"parentID":"msg_21a6654d10018j5iqpRV6CQCQN","role":"assistant","mode":"general","agent":"general","path":{"cwd":"/srv/shop","root":"/srv/shop"},"cost":0,"tokens":{"total":4074,"input":3000,"output":40,"reasoning":22,"cache":{"write":0,"read":1012}},"modelID":"gpt-5.5","providerID":"local","time":{"created":1795739244504,"completed":1795739245034},"finish":"stop"}');
INSERT INTO message VALUES('msg_21a665a54001pUaWbPGaJufjaz','ses_de599bbdeffe747K72VHMLVOI2',1795739245140,1795739245486,'{"parentID":"msg_21a6646ef001Z1PjQj09LZ2vY9","role":"assistant","mode":"build","agent":"build","path":{"cwd":"/srv/shop","root":"/srv/shop"},"cost":0,"tokens":{"total":4076,"input":3000,"output":40,"reasoning":23,"cache":{"write":0,"read":1013}},"modelID":"gpt-5.5","providerID":"local","time":{"created":1795739245140,"completed":1795739245484},"finish":"stop"}');
CREATE TABLE `part` (
          `id` text PRIMARY KEY,
          `message_id` text NOT NULL,
          `session_id` text NOT NULL,
          `time_created` integer NOT NULL,
          `time_updated` integer NOT NULL,
          `data` text NOT NULL,
          CONSTRAINT `fk_part_message_id_message_id_fk` FOREIGN KEY (`message_id`) REFERENCES `message`(`id`) ON DELETE CASCADE
        );
INSERT INTO part VALUES('prt_21a652c4e001G0GxEXvwQBVVEJ','msg_21a652c3f001CDnF6dcsPwm6rD','ses_de59ad43cffe838fXBPjZef4TY',1795739169251,1795739169255,'{"type":"text","text":"\"say hello\""}');
INSERT INTO part VALUES('prt_21a653e60001OjIJn8RXqf0289','msg_21a653219001tUMHlTbQQbH0Qx','ses_de59ad43cffe838fXBPjZef4TY',1795739172448,1795739172451,'{"snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-start"}');
INSERT INTO part VALUES('prt_21a653e69001J9n2cTX3QjqS3R','msg_21a653219001tUMHlTbQQbH0Qx','ses_de59ad43cffe838fXBPjZef4TY',1795739172457,1795739172574,'{"type":"text","text":"the answer of the stand-in","time":{"start":1795739172457,"end":1795739172558}}');
INSERT INTO part VALUES('prt_21a653e76001jcFUgzEEfH6lFb','msg_21a653219001tUMHlTbQQbH0Qx','ses_de59ad43cffe838fXBPjZef4TY',1795739172470,1795739172784,'{"type":"tool","tool":"bash","callID":"call_67fd5d54fbd7444f953b","state":{"status":"completed","input":{"command":"echo hello","description":"say hello"},"output":"hello\n","metadata":{"output":"hello\n","exit":0,"truncated":false},"title":"echo hello","time":{"start":1795739172505,"end":1795739172782}}}');
INSERT INTO part VALUES('prt_21a653ff8001pbZBCdlKAA0T8j','msg_21a653219001tUMHlTbQQbH0Qx','ses_de59ad43cffe838fXBPjZef4TY',1795739172856,1795739172858,'{"reason":"tool-calls","snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-finish","tokens":{"total":4082,"input":3000,"output":40,"reasoning":26,"cache":{"write":0,"read":1016}},"cost":0}');
INSERT INTO part VALUES('prt_21a65415f001Bgn076TWTpRfU2','msg_21a654051001gbi1z7KU9Ivs74','ses_de59ad43cffe838fXBPjZef4TY',1795739173215,1795739173218,'{"snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-start"}');
INSERT INTO part VALUES('prt_21a654164001GAz2GXbmUklt6G','msg_21a654051001gbi1z7KU9Ivs74','ses_de59ad43cffe838fXBPjZef4TY',1795739173221,1795739173276,'{"type":"text","text":"the answer of the stand-in","time":{"start":1795739173220,"end":1795739173274}}');
INSERT INTO part VALUES('prt_21a6541da001Hyt0R3hhVQMoqf','msg_21a654051001gbi1z7KU9Ivs74','ses_de59ad43cffe838fXBPjZef4TY',1795739173338,1795739173340,'{"reason":"stop","snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-finish","tokens":{"total":4084,"input":3000,"output":40,"reasoning":27,"cache":{"write":0,"read":1017}},"cost":0}');
INSERT INTO part VALUES('prt_21a6646ff0019WnkIpds8Xs6nJ','msg_21a6646ef001Z1PjQj09LZ2vY9','ses_de599bbdeffe747K72VHMLVOI2',1795739241982,1795739241988,'{"type":"text","text":"\"DELEGATE hello\""}');
INSERT INTO part VALUES('prt_21a665496001VRLMQegiTbpr92','msg_21a664e38001Fg9LZFJKiq8zLX','ses_de599bbdeffe747K72VHMLVOI2',1795739243671,1795739243674,'{"snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-start"}');
INSERT INTO part VALUES('prt_21a66549c001y5HRFwXqGt7ptf','msg_21a664e38001Fg9LZFJKiq8zLX','ses_de599bbdeffe747K72VHMLVOI2',1795739243677,1795739243771,'{"type":"text","text":"the answer of the stand-in","time":{"start":1795739243676,"end":1795739243769}}');
INSERT INTO part VALUES('prt_21a6654a5001832DMOJN5GnwkZ','msg_21a664e38001Fg9LZFJKiq8zLX','ses_de599bbdeffe747K72VHMLVOI2',1795739243685,1795739245047,'{"type":"tool","tool":"task","callID":"call_d13e28a514f64ca9955e","state":{"status":"completed","input":{"description":"look around","prompt":"SUBTASK look","subagent_type":"general"},"output":"<task id=\"ses_de599ab47ffeSm7nnKT67L8nwV\" state=\"completed\">\n<task_result>\nthe answer of the stand-in\n</task_result>\n</task>","metadata":{"parentSessionId":"ses_de599bbdeffe747K72VHMLVOI2","sessionId":"ses_de599ab47ffeSm7nnKT67L8nwV","model":{"modelID":"gpt-5.5","providerID":"local"},"truncated":false},"title":"look around","time":{"start":1795739243719,"end":1795739245046}}}');
INSERT INTO part VALUES('prt_21a6654d9001GkFuNA1TEfDyEv','msg_21a6654d10018j5iqpRV6CQCQN','ses_de599ab47ffeSm7nnKT67L8nwV',1795739243742,1795739243743,'{"type":"text","text":"SUBTASK look"}');
INSERT INTO part VALUES('prt_21a6655d3001fPKq52TWIA5PrC','msg_21a665506001RCiir6n5I2su36','ses_de599ab47ffeSm7nnKT67L8nwV',1795739243987,1795739243991,'{"snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-start"}');
INSERT INTO part VALUES('prt_21a6655d9001TI6ho0ItR3sg7v','msg_21a665506001RCiir6n5I2su36','ses_de599ab47ffeSm7nnKT67L8nwV',1795739243993,1795739244078,'{"type":"text","text":"the answer of the stand-in","time":{"start":1795739243993,"end":1795739244071}}');
INSERT INTO part VALUES('prt_21a6655e1001GELnOI5TJqzbhy','msg_21a665506001RCiir6n5I2su36','ses_de599ab47ffeSm7nnKT67L8nwV',1795739244002,1795739244254,'{"type":"tool","tool":"bash","callID":"call_7d9ef68715a24de99294","state":{"status":"completed","input":{"command":"echo hello","description":"say hello"},"output":"hello\n","metadata":{"output":"hello\n","exit":0,"truncated":false},"title":"echo hello","time":{"start":1795739244018,"end":1795739244252}}}');
INSERT INTO part VALUES('prt_21a66574b001KkXy5gOVrmCrJH','msg_21a665506001RCiir6n5I2su36','ses_de599ab47ffeSm7nnKT67L8nwV',1795739244363,1795739244366,'{"reason":"tool-calls","snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-finish","tokens":{"total":4072,"input":3000,"output":40,"reasoning":21,"cache":{"write":0,"read":1011}},"cost":0}');
INSERT INTO part VALUES('prt_21a665873001ciJ7IoR5pTGlPt','msg_21a6657d80012DfU1aIJgpZfu7','ses_de599ab47ffeSm7nnKT67L8nwV',1795739244659,1795739244661,'{"snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-start"}');
INSERT INTO part VALUES('prt_21a665878001YbStFJGEQpQf3T','msg_21a6657d80012DfU1aIJgpZfu7','ses_de599ab47ffeSm7nnKT67L8nwV',1795739244664,1795739244747,'{"type":"text","text":"the answer of the stand-in","time":{"start":1795739244664,"end":1795739244743}}');
INSERT INTO part VALUES('prt_21a66598f001p3vcv8REiiqSwV','msg_21a6657d80012DfU1aIJgpZfu7','ses_de599ab47ffeSm7nnKT67L8nwV',1795739244943,1795739244945,'{"reason":"stop","snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-finish","tokens":{"total":4074,"input":3000,"output":40,"reasoning":22,"cache":{"write":0,"read":1012}},"cost":0}');
INSERT INTO part VALUES('prt_21a665a2c001f82tjGfP8mgyoO','msg_21a664e38001Fg9LZFJKiq8zLX','ses_de599bbdeffe747K72VHMLVOI2',1795739245101,1795739245102,'{"reason":"tool-calls","snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-finish","tokens":{"total":4070,"input":3000,"output":40,"reasoning":20,"cache":{"write":0,"read":1010}},"cost":0}');
INSERT INTO part VALUES('prt_21a665ad7001gDadtcL3Q6moMx','msg_21a665a54001pUaWbPGaJufjaz','ses_de599bbdeffe747K72VHMLVOI2',1795739245271,1795739245273,'{"snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-start"}');
INSERT INTO part VALUES('prt_21a665adc001ORPTtVN5gqDE5n','msg_21a665a54001pUaWbPGaJufjaz','ses_de599bbdeffe747K72VHMLVOI2',1795739245276,1795739245348,'{"type":"text","text":"the answer of the stand-in","time":{"start":1795739245276,"end":1795739245345}}');
INSERT INTO part VALUES('prt_21a665b72001ms2oydhaz9WRkI','msg_21a665a54001pUaWbPGaJufjaz','ses_de599bbdeffe747K72VHMLVOI2',1795739245426,1795739245428,'{"reason":"stop","snapshot":"0d8a474fc67971fb3dd7616e26323d3066442555","type":"step-finish","tokens":{"total":4076,"input":3000,"output":40,"reasoning":23,"cache":{"write":0,"read":1013}},"cost":0}');
