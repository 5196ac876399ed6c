-- made of migrations 0996b2d44449bf82ebea5644443d7f77f6fcbea4fdd4836515cca5b0fda3b1d3
BEGIN TRANSACTION;
CREATE TABLE "agent_intervals" (
	ended FLOAT NOT NULL, 
	agent TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	queue TEXT, 
	call TEXT, 
	PRIMARY KEY (ended, agent, began, state)
)
 WITHOUT ROWID

;
CREATE TABLE agents (
	agent TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	PRIMARY KEY (agent)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0015');
CREATE TABLE attempts (
	call TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	trunk TEXT NOT NULL, 
	number TEXT NOT NULL, 
	source TEXT NOT NULL, 
	ended FLOAT NOT NULL, 
	answered FLOAT, 
	sip_status INTEGER NOT NULL, 
	cause TEXT NOT NULL, 
	why TEXT NOT NULL, 
	PRIMARY KEY (call, began, trunk)
)
 WITHOUT ROWID

;
CREATE TABLE audit (
	audit TEXT NOT NULL, 
	node TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	actor TEXT NOT NULL, 
	role TEXT NOT NULL, 
	surface TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	act TEXT NOT NULL, 
	target TEXT NOT NULL, 
	details TEXT NOT NULL, 
	result TEXT NOT NULL, 
	why TEXT NOT NULL, 
	PRIMARY KEY (audit)
)
 WITHOUT ROWID

;
CREATE TABLE callbacks (
	callback TEXT NOT NULL, 
	call TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	number TEXT NOT NULL, 
	source TEXT NOT NULL, 
	dnis TEXT NOT NULL, 
	name TEXT NOT NULL, 
	language TEXT NOT NULL, 
	priority INTEGER NOT NULL, 
	needs TEXT NOT NULL, 
	preferred TEXT NOT NULL, 
	agents TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	entered FLOAT NOT NULL, 
	asked FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at FLOAT, 
	last_call TEXT NOT NULL, 
	result TEXT NOT NULL, 
	ended FLOAT, 
	PRIMARY KEY (callback)
)
 WITHOUT ROWID

;
CREATE TABLE calls (
	call TEXT NOT NULL, 
	node TEXT NOT NULL, 
	started FLOAT NOT NULL, 
	source TEXT NOT NULL, 
	ani TEXT NOT NULL, 
	ani_name TEXT NOT NULL, 
	dnis TEXT NOT NULL, 
	sip_call_id TEXT NOT NULL, 
	ended FLOAT, 
	answered FLOAT, 
	bridged FLOAT, 
	ended_by TEXT, 
	cause TEXT, 
	sip_status INTEGER, 
	last_stage TEXT, 
	queue TEXT, 
	wait_s FLOAT, 
	agent TEXT, 
	destination TEXT, 
	talk_s FLOAT, 
	hold_s FLOAT, 
	recording TEXT, 
	packets_in INTEGER, 
	packets_lost INTEGER, 
	jitter_ms FLOAT, 
	labels TEXT, trail TEXT, 
	PRIMARY KEY (call)
)
 WITHOUT ROWID

;
CREATE TABLE farewells (
	farewell TEXT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (farewell)
)
 WITHOUT ROWID

;
CREATE TABLE heartbeats (
	node TEXT NOT NULL, 
	wall FLOAT NOT NULL, 
	PRIMARY KEY (node)
);
CREATE TABLE journal (
	call TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	arguments TEXT NOT NULL, 
	entered FLOAT NOT NULL, 
	PRIMARY KEY (call)
)
 WITHOUT ROWID

;
CREATE TABLE legs (
	leg TEXT NOT NULL, 
	call TEXT NOT NULL, 
	direction TEXT NOT NULL, 
	party TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	answered FLOAT, 
	ended FLOAT NOT NULL, 
	sip_status INTEGER NOT NULL, 
	sip_call_id TEXT NOT NULL, 
	codec TEXT NOT NULL, 
	packets_in INTEGER NOT NULL, 
	packets_out INTEGER NOT NULL, 
	packets_lost INTEGER NOT NULL, 
	jitter_ms FLOAT NOT NULL, late INTEGER, duplicates INTEGER, out_of_order INTEGER, peer_lost INTEGER, interruptions INTEGER, mos FLOAT, rtt_ms FLOAT, peer_jitter_ms FLOAT, level_db FLOAT, clipped_share FLOAT, silence_share FLOAT, talk_share FLOAT, overlap_s FLOAT, impairments TEXT, 
	PRIMARY KEY (leg)
)
 WITHOUT ROWID

;
CREATE TABLE mails (
	recording TEXT NOT NULL, 
	box TEXT NOT NULL, 
	addresses TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	asked FLOAT NOT NULL, 
	next_at FLOAT, 
	ended FLOAT, 
	problem TEXT NOT NULL, 
	PRIMARY KEY (recording)
)
 WITHOUT ROWID

;
CREATE TABLE message_marks (
	recording TEXT NOT NULL, 
	heard FLOAT, 
	PRIMARY KEY (recording)
)
 WITHOUT ROWID

;
CREATE TABLE offers (
	offer TEXT NOT NULL, 
	call TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	offered FLOAT NOT NULL, 
	ended FLOAT NOT NULL, 
	result TEXT NOT NULL, 
	sip_status INTEGER NOT NULL, 
	rang_s FLOAT NOT NULL, 
	why TEXT NOT NULL, 
	PRIMARY KEY (offer)
)
 WITHOUT ROWID

;
CREATE TABLE queue_log (
	id INTEGER NOT NULL, 
	time FLOAT NOT NULL, 
	callid TEXT NOT NULL, 
	queuename TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	event TEXT NOT NULL, 
	data1 TEXT NOT NULL, 
	data2 TEXT NOT NULL, 
	data3 TEXT NOT NULL, 
	data4 TEXT NOT NULL, 
	data5 TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE queue_visits (
	call TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	entered FLOAT NOT NULL, 
	"left" FLOAT NOT NULL, 
	outcome TEXT NOT NULL, 
	wait_s FLOAT NOT NULL, 
	position INTEGER NOT NULL, 
	original_position INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	agent TEXT, 
	talk_s FLOAT NOT NULL, 
	hold_s FLOAT NOT NULL, 
	wrapup_s FLOAT NOT NULL, 
	completed_by TEXT NOT NULL, skills TEXT, needs TEXT, 
	PRIMARY KEY (call, queue, entered)
)
 WITHOUT ROWID

;
CREATE TABLE recordings (
	recording TEXT NOT NULL, 
	call TEXT NOT NULL, 
	path TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	queue TEXT, 
	agent TEXT, 
	ani TEXT NOT NULL, 
	dnis TEXT NOT NULL, 
	box TEXT NOT NULL, 
	encoding TEXT NOT NULL, 
	channels INTEGER NOT NULL, 
	seconds FLOAT, 
	gaps INTEGER NOT NULL, 
	gap_s FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	problem TEXT NOT NULL, 
	labels TEXT NOT NULL, bytes INTEGER, deleted_at FLOAT, 
	PRIMARY KEY (recording)
)
 WITHOUT ROWID

;
CREATE TABLE registrations (
	endpoint TEXT NOT NULL, 
	contact TEXT NOT NULL, 
	call_id TEXT NOT NULL, 
	cseq INTEGER NOT NULL, 
	expires FLOAT NOT NULL, 
	path TEXT NOT NULL, 
	source TEXT NOT NULL, 
	user_agent TEXT NOT NULL, 
	registered FLOAT NOT NULL, 
	instance TEXT NOT NULL, 
	PRIMARY KEY (endpoint, contact)
)
 WITHOUT ROWID

;
CREATE TABLE report_agents (
	bucket FLOAT NOT NULL, 
	agent TEXT NOT NULL, 
	what TEXT NOT NULL, 
	word TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	transfers INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	hold_s FLOAT NOT NULL, 
	wrapup_s FLOAT NOT NULL, 
	PRIMARY KEY (bucket, agent, what, word)
)
 WITHOUT ROWID

;
CREATE TABLE report_callers (
	bucket FLOAT NOT NULL, 
	queue TEXT NOT NULL, 
	dnis TEXT NOT NULL, 
	skills TEXT NOT NULL, 
	offered INTEGER NOT NULL, 
	answered INTEGER NOT NULL, 
	abandoned INTEGER NOT NULL, 
	short_abandoned INTEGER NOT NULL, 
	abandoned_ringing INTEGER NOT NULL, 
	overflowed INTEGER NOT NULL, 
	refused INTEGER NOT NULL, 
	left_by_key INTEGER NOT NULL, 
	withdrawn INTEGER NOT NULL, 
	callbacks INTEGER NOT NULL, 
	crashed INTEGER NOT NULL, 
	other INTEGER NOT NULL, 
	transfers INTEGER NOT NULL, 
	answered_in_sl INTEGER NOT NULL, 
	abandoned_in_sl INTEGER NOT NULL, 
	callbacks_in_sl INTEGER NOT NULL, 
	lost_in_sl INTEGER NOT NULL, 
	wait_s FLOAT NOT NULL, 
	answered_wait_s FLOAT NOT NULL, 
	longest_wait_s FLOAT NOT NULL, 
	talk_s FLOAT NOT NULL, 
	hold_s FLOAT NOT NULL, 
	wrapup_s FLOAT NOT NULL, 
	PRIMARY KEY (bucket, queue, dnis, skills)
)
 WITHOUT ROWID

;
CREATE TABLE report_marks (
	source TEXT NOT NULL, 
	settled FLOAT NOT NULL, 
	definition TEXT NOT NULL, 
	PRIMARY KEY (source)
)
 WITHOUT ROWID

;
INSERT INTO "report_marks" VALUES('offers',0.0,'');
INSERT INTO "report_marks" VALUES('times',0.0,'');
INSERT INTO "report_marks" VALUES('visits',0.0,'');
CREATE TABLE segments (
	call TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	leg TEXT NOT NULL, 
	ended FLOAT NOT NULL, 
	party TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	talk_s FLOAT NOT NULL, 
	hold_s FLOAT NOT NULL, 
	ended_by TEXT NOT NULL, 
	transferred_to TEXT NOT NULL, 
	PRIMARY KEY (call, began, leg)
)
 WITHOUT ROWID

;
CREATE TABLE snapshots (
	call TEXT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (call)
)
 WITHOUT ROWID

;
CREATE TABLE supervisions (
	supervision TEXT NOT NULL, 
	stay INTEGER NOT NULL, 
	supervisor TEXT NOT NULL, 
	supervisor_agent TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	call TEXT NOT NULL, 
	modes TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	ended FLOAT, 
	why TEXT NOT NULL, 
	PRIMARY KEY (supervision, stay)
)
 WITHOUT ROWID

;
CREATE TABLE survey_answers (
	call TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	question TEXT NOT NULL, 
	survey TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	ani TEXT NOT NULL, 
	answer INTEGER, 
	recording TEXT NOT NULL, 
	PRIMARY KEY (call, began, question)
)
 WITHOUT ROWID

;
CREATE TABLE wait_promises (
	call TEXT NOT NULL, 
	told FLOAT NOT NULL, 
	queue TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	waited_s FLOAT NOT NULL, 
	low_s FLOAT NOT NULL, 
	high_s FLOAT, 
	expected_s FLOAT NOT NULL, 
	PRIMARY KEY (call, told)
)
 WITHOUT ROWID

;
CREATE INDEX calls_started ON calls (started);
CREATE INDEX calls_unfinished ON calls (node) WHERE ended IS NULL;
CREATE INDEX legs_call ON legs (call);
CREATE INDEX offers_call ON offers (call);
CREATE INDEX offers_offered ON offers (offered);
CREATE INDEX queue_log_callid ON queue_log (callid);
CREATE INDEX queue_log_time ON queue_log (time);
CREATE INDEX queue_visits_entered ON queue_visits (entered);
CREATE INDEX recordings_began ON recordings (began);
CREATE INDEX recordings_call ON recordings (call);
CREATE INDEX recordings_unfinished ON recordings (state) WHERE state = 'recording';
CREATE INDEX supervisions_began ON supervisions (began);
CREATE INDEX supervisions_call ON supervisions (call);
CREATE INDEX recordings_box ON recordings (box, began) WHERE box != '';
CREATE INDEX attempts_began ON attempts (began);
CREATE TRIGGER report_visits_insert AFTER insert ON queue_visits  BEGIN UPDATE report_marks SET settled = new.entered WHERE source = 'visits' AND settled > new.entered; END;
CREATE TRIGGER report_visits_update AFTER update ON queue_visits  BEGIN UPDATE report_marks SET settled = old.entered WHERE source = 'visits' AND settled > old.entered; UPDATE report_marks SET settled = new.entered WHERE source = 'visits' AND settled > new.entered; END;
CREATE TRIGGER report_visits_delete AFTER delete ON queue_visits  BEGIN UPDATE report_marks SET settled = old.entered WHERE source = 'visits' AND settled > old.entered; END;
CREATE TRIGGER report_offers_insert AFTER insert ON offers  BEGIN UPDATE report_marks SET settled = new.offered WHERE source = 'offers' AND settled > new.offered; END;
CREATE TRIGGER report_offers_update AFTER update ON offers  BEGIN UPDATE report_marks SET settled = old.offered WHERE source = 'offers' AND settled > old.offered; UPDATE report_marks SET settled = new.offered WHERE source = 'offers' AND settled > new.offered; END;
CREATE TRIGGER report_offers_delete AFTER delete ON offers  BEGIN UPDATE report_marks SET settled = old.offered WHERE source = 'offers' AND settled > old.offered; END;
CREATE TRIGGER report_ringing_insert AFTER insert ON offers WHEN new.result IN ('cancelled', 'answered') BEGIN UPDATE report_marks SET settled = (SELECT min(entered) FROM queue_visits WHERE call = new.call) WHERE source = 'visits' AND settled > (SELECT min(entered) FROM queue_visits WHERE call = new.call); END;
CREATE TRIGGER report_ringing_update AFTER update ON offers WHEN new.result IN ('cancelled', 'answered') BEGIN UPDATE report_marks SET settled = (SELECT min(entered) FROM queue_visits WHERE call = old.call) WHERE source = 'visits' AND settled > (SELECT min(entered) FROM queue_visits WHERE call = old.call); UPDATE report_marks SET settled = (SELECT min(entered) FROM queue_visits WHERE call = new.call) WHERE source = 'visits' AND settled > (SELECT min(entered) FROM queue_visits WHERE call = new.call); END;
CREATE TRIGGER report_ringing_delete AFTER delete ON offers WHEN old.result IN ('cancelled', 'answered') BEGIN UPDATE report_marks SET settled = (SELECT min(entered) FROM queue_visits WHERE call = old.call) WHERE source = 'visits' AND settled > (SELECT min(entered) FROM queue_visits WHERE call = old.call); END;
CREATE VIEW queue_log_asterisk AS
SELECT
    strftime('%Y-%m-%d %H:%M:%S', time, 'unixepoch', 'localtime')
        || printf('.%06d', CAST((time - CAST(time AS INTEGER)) * 1000000 AS INTEGER)) AS time,
    callid, queuename, agent, event, data1, data2, data3, data4, data5
FROM queue_log;
CREATE INDEX wait_promises_told ON wait_promises (told);
CREATE INDEX callbacks_asked ON callbacks (asked);
CREATE INDEX callbacks_open ON callbacks (ended) WHERE ended IS NULL;
CREATE INDEX audit_at ON audit (at);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail takes new rows only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail takes new rows only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit AS old_row WHERE old_row.audit = NEW.audit AND (old_row.node, old_row.at, old_row.actor, old_row.role, old_row.surface, old_row.origin, old_row.act, old_row.target, old_row.details, old_row.result, old_row.why) IS NOT (NEW.node, NEW.at, NEW.actor, NEW.role, NEW.surface, NEW.origin, NEW.act, NEW.target, NEW.details, NEW.result, NEW.why)) BEGIN SELECT RAISE(ABORT, 'the audit trail takes new rows only'); END;
CREATE INDEX mails_open ON mails (ended) WHERE ended IS NULL;
CREATE INDEX survey_answers_began ON survey_answers (began);
CREATE TRIGGER report_times_insert AFTER insert ON agent_intervals  BEGIN UPDATE report_marks SET settled = new.began WHERE source = 'times' AND settled > new.began; END;
CREATE TRIGGER report_times_update AFTER update ON agent_intervals  BEGIN UPDATE report_marks SET settled = old.began WHERE source = 'times' AND settled > old.began; UPDATE report_marks SET settled = new.began WHERE source = 'times' AND settled > new.began; END;
CREATE TRIGGER report_times_delete AFTER delete ON agent_intervals  BEGIN UPDATE report_marks SET settled = old.began WHERE source = 'times' AND settled > old.began; END;
COMMIT;
