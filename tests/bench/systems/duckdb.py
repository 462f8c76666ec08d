"""Runs DuckDB for the measurements. Every line of the standard input is a JSON
object, every line of the output its answer:

  {"do": "exec", "sql": ...}   -> {}
  {"do": "time", "sql": ...}   -> {"wall": ns, "cpu": ns, "rows": n}
  {"do": "answer", "sql": ...} -> {"rows": [[text, ...], ...]}

The result is fetched in DuckDB's own columns (Arrow), so that no time goes into
objects of this language."""

import datetime
import json
import os
import sys
import time

import duckdb

import pyarrow  # noqa: F401  loaded now, not within a measurement


def text(value):
    if value is None:
        return "NULL"
    if value is True or value is False:
        return "t" if value else "f"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)


def main():
    # Whatever the library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "exec":
                connection.execute(request["sql"])
                answer = {}
            elif request["do"] == "time":
                cpu, wall = time.process_time_ns(), time.perf_counter_ns()
                rows = connection.execute(request["sql"]).to_arrow_table().num_rows
                wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
                answer = {"wall": wall, "cpu": cpu, "rows": rows}
            else:
                rows = connection.execute(request["sql"]).fetchall()
                answer = {"rows": [[text(v) for v in row] for row in rows]}
        except duckdb.Error as e:
            answer = {"error": str(e)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
