-- Prints the facts of this directory from a freshly initialized PostgreSQL 15:
--   psql -XAtq -F "$(printf '\t')" -f facts.sql
-- run in this directory; every \o names the file that its query fills.

-- Relations: schema, name, OID, kind, p when everybody may read it, columns as
-- name:type[:modifier], with ~ for collation C and ! for NOT NULL. Domains stand
-- as what they are over.
\o relations.tsv
SELECT n.nspname, c.relname, c.oid, c.relkind,
  CASE WHEN has_table_privilege('pg_database_owner', c.oid, 'SELECT') THEN 'p' ELSE '-' END,
  (SELECT string_agg(a.attname || ':' ||
      CASE WHEN t.typtype = 'd' THEN b.typname WHEN t.typtype = 'b' AND t.typelem = 'pg_statistic'::regtype THEN '_text' ELSE t.typname END ||
      CASE WHEN t.typtype = 'd' AND t.typtypmod >= 0 THEN ':' || t.typtypmod WHEN a.atttypmod >= 0 THEN ':' || a.atttypmod ELSE '' END ||
      CASE WHEN a.attcollation = 950 THEN '~' ELSE '' END || CASE WHEN a.attnotnull THEN '!' ELSE '' END, ',' ORDER BY a.attnum)
   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
   WHERE a.attrelid = c.oid AND a.attnum > 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v') AND c.oid < 16384 AND n.nspname IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";

-- Rows of relations that never change, as COPY writes them.
\o rows/pg_type.tsv
COPY (SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined, typdelim, typrelid, typsubscript::oid, typelem, typarray, typinput::oid, typoutput::oid, typreceive::oid, typsend::oid, typmodin::oid, typmodout::oid, typanalyze::oid, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation, typdefaultbin, typdefault, typacl
  FROM pg_type t WHERE typnamespace = 11 AND typrelid = 0 AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typrelid <> 0) ORDER BY oid) TO STDOUT;
\o rows/pg_language.tsv
COPY (SELECT * FROM pg_language WHERE lanname <> 'plpgsql' ORDER BY oid) TO STDOUT;
\o rows/pg_am.tsv
COPY (SELECT oid, amname, amhandler::oid, amtype FROM pg_am ORDER BY oid) TO STDOUT;
\o rows/pg_collation.tsv
COPY (SELECT * FROM pg_collation WHERE oid IN (100, 950, 951) ORDER BY oid) TO STDOUT;
\o rows/pg_opclass.tsv
COPY (SELECT * FROM pg_opclass ORDER BY oid) TO STDOUT;
\o rows/pg_opfamily.tsv
COPY (SELECT * FROM pg_opfamily ORDER BY oid) TO STDOUT;
\o rows/pg_range.tsv
COPY (SELECT rngtypid, rngsubtype, rngmultitypid, rngcollation, rngsubopc, rngcanonical::oid, rngsubdiff::oid FROM pg_range ORDER BY rngtypid) TO STDOUT;
\o rows/pg_tablespace.tsv
COPY (SELECT * FROM pg_tablespace WHERE oid < 16384 ORDER BY oid) TO STDOUT;
\o rows/sql_parts.tsv
COPY (SELECT * FROM information_schema.sql_parts ORDER BY 1) TO STDOUT;
\o rows/sql_sizing.tsv
COPY (SELECT * FROM information_schema.sql_sizing ORDER BY 1) TO STDOUT;
-- Functions that types and the like refer to; everything else in pg_proc comes
-- from the registry of functions.
\o rows/pg_proc.tsv
COPY (SELECT oid, proname, pronamespace, proowner, prolang, procost, prorows, provariadic, prosupport::oid, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel, pronargs, pronargdefaults, prorettype, proargtypes, proallargtypes, proargmodes, proargnames, proargdefaults, protrftypes, prosrc, probin, prosqlbody, proconfig, proacl
  FROM pg_proc WHERE oid IN (SELECT unnest(ARRAY[typsubscript, typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze]::oid[]) FROM pg_type WHERE typnamespace = 11 AND typrelid = 0)
  OR proname IN ('enum_in', 'enum_out', 'enum_recv', 'domain_in', 'domain_recv')
     OR oid IN (SELECT amhandler FROM pg_am) OR oid IN (SELECT unnest(ARRAY[lanplcallfoid, laninline, lanvalidator]::oid[]) FROM pg_language WHERE lanname <> 'plpgsql') ORDER BY oid) TO STDOUT;

-- Names of functions implemented here: OID, schema, name, s for set-returning,
-- argument types, result type, volatility, strict, variadic, argument names,
-- default values, output columns.
\o functions.tsv
SELECT p.oid, n.nspname, p.proname, CASE WHEN proretset THEN 's' ELSE 'f' END,
  (SELECT coalesce(string_agg(CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END, ',' ORDER BY o), '') FROM unnest(p.proargtypes) WITH ORDINALITY a(t, o) JOIN pg_type t ON t.oid = a.t LEFT JOIN pg_type b ON b.oid = t.typbasetype),
  (SELECT CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END FROM pg_type t LEFT JOIN pg_type b ON b.oid = t.typbasetype WHERE t.oid = p.prorettype),
  p.provolatile, CASE WHEN proisstrict THEN 's' ELSE '-' END, CASE WHEN provariadic <> 0 THEN 'v' ELSE '-' END,
  coalesce((SELECT string_agg(x.n, ',' ORDER BY x.o) FROM unnest(p.proargnames) WITH ORDINALITY x(n, o) WHERE x.n <> '' AND (p.proargmodes IS NULL OR p.proargmodes[x.o] IN ('i', 'b', 'v'))), ''),
  coalesce(pg_get_expr(p.proargdefaults, 0), ''),
  coalesce((SELECT string_agg(p.proargnames[x.o] || ':' || format_type(x.t, NULL), ',' ORDER BY x.o) FROM unnest(p.proallargtypes) WITH ORDINALITY x(t, o) WHERE p.proargmodes[x.o] IN ('o', 't')), '')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind = 'f' AND n.nspname IN ('pg_catalog', 'information_schema')
  AND p.proname ~ '^(has_.*_privilege|pg_has_role|pg_.*_is_visible|pg_get_.*(def|def_columns|def_expressions|expr|arguments|result|sqlbody|keywords|sequence|byid|arg_default|catalog_foreign_keys|object_address|replica_identity_index)|.*obj_description|col_description|to_reg.*|acl.*|makeacl.*|age|current_schemas?|format_type|_pg_.*|row_security_active|regclass|pg_.*_size|pg_relation_(filenode|filepath|is_.*|is_publishable)|pg_column_is_updatable|pg_is_.*|pg_my_temp_schema|pg_postmaster_start_time|pg_conf_load_time|pg_backend_pid|pg_blocking_pids|pg_tablespace_location|pg_tablespace_databases|pg_encoding_to_char|pg_char_to_encoding|pg_encoding_max_length|pg_client_encoding|getdatabaseencoding|pg_options_to_table|pg_show_all_settings|pg_settings_get_flags|pg_stat_get_.*|pg_stat_clear_snapshot|pg_partition_.*|txid_current.*|pg_current_xact_id.*|pg_current_snapshot|pg_describe_object|pg_identify_object.*|pg_index_column_has_property|pg_index_has_property|pg_indexam_has_property|pg_available_extensions|pg_available_extension_versions|pg_extension_update_paths|pg_timezone_names|pg_timezone_abbrevs|pg_sequence_parameters|pg_sequence_last_value|pg_collation_actual_version|pg_database_collation_actual_version|pg_collation_for|pg_typeof|pg_jit_available|pg_lock_status|pg_prepared_statement|pg_prepared_xact|pg_cursor|pg_trigger_depth|pg_listening_channels|pg_notification_queue_usage|pg_advisory_.*|pg_try_advisory_.*|pg_config|inet_(client|server)_(addr|port))$'
ORDER BY p.oid;

-- Key words as pg_get_keywords shows them.
\o rows/keywords.tsv
COPY (SELECT word, catcode, barelabel, catdesc, baredesc FROM pg_get_keywords()) TO STDOUT;
-- Names of time zones, and abbreviations with their offsets in seconds.
\o rows/timezone_names.tsv
COPY (SELECT name FROM pg_timezone_names WHERE name !~ '^(posix|right)/' AND name NOT IN ('localtime', 'posixrules', 'Factory') ORDER BY name COLLATE "C") TO STDOUT;
\o rows/timezone_abbrevs.tsv
COPY (SELECT abbrev, extract(epoch FROM utc_offset)::int, is_dst FROM pg_timezone_abbrevs ORDER BY abbrev COLLATE "C") TO STDOUT;
