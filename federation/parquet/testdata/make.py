"""Writes the files of this directory with pyarrow: the same 260 rows in the codecs,
page versions and encodings that it has. Run it as `python make.py`; the files here were
written by pyarrow 26. expected.txt has the rows as text, NULL for nulls."""

import datetime
import decimal
import random

import pyarrow as pa
import pyarrow.parquet as pq

rnd = random.Random(1)
N = 260


def some(f, share=0.8):
    """A column with nulls: a stretch with none, a stretch of nothing else, a mixture."""
    return [f(i) if i < 70 or i >= 130 and rnd.random() < share else None for i in range(N)]


epoch = datetime.datetime(1970, 1, 1)
columns = {
    "id": (pa.int64(), list(range(N)), False),
    "b": (pa.bool_(), [i // 40 % 2 == 0 for i in range(N)], False),
    "ob": (pa.bool_(), some(lambda i: rnd.random() < 0.5), True),
    "i16": (pa.int16(), [rnd.randint(-32768, 32767) for _ in range(N)], False),
    "oi32": (pa.int32(), some(lambda i: rnd.randint(-2**31, 2**31 - 1)), True),
    "oi64": (pa.int64(), some(lambda i: rnd.randint(-2**63, 2**63 - 1)), True),
    "step": (pa.int64(), [10**12 + 7 * i for i in range(N)], False),
    "u32": (pa.uint32(), [rnd.randint(0, 2**32 - 1) for _ in range(N)], False),
    "low": (pa.int32(), some(lambda i: rnd.randint(0, 5)), True),
    "f": (pa.float32(), some(lambda i: rnd.randint(-1000, 1000) / 8), True),
    "d": (pa.float64(), [rnd.randint(-(10**6), 10**6) / 16 for _ in range(N)], False),
    "dec9": (pa.decimal128(9, 2), some(lambda i: decimal.Decimal(rnd.randint(-(10**9) + 1, 10**9 - 1)) / 100), True),
    "dec18": (pa.decimal128(18, 4), [decimal.Decimal(rnd.randint(-(10**17), 10**17)) / 10000 for _ in range(N)], False),
    "dec30": (pa.decimal128(30, 3), some(lambda i: decimal.Decimal(rnd.randint(-(10**29), 10**29)) / 1000), True),
    "day": (pa.date32(), some(lambda i: (epoch + datetime.timedelta(days=rnd.randint(-9000, 30000))).date()), True),
    "ts": (pa.timestamp("us"), [epoch + datetime.timedelta(microseconds=rnd.randint(-10**14, 10**15)) for _ in range(N)], False),
    "s": (pa.string(), some(lambda i: rnd.choice("äxyz€") * rnd.randint(0, 20)), True),
    "word": (pa.string(), [rnd.choice(["AIR", "a longer word than twelve", "RAIL", ""]) for _ in range(N)], False),
    "key": (pa.string(), ["customer#%09d" % (i * i) for i in range(N)], False),
    "bin": (pa.binary(), some(lambda i: bytes(rnd.randrange(256) for _ in range(rnd.randint(0, 9)))), True),
    "fix": (pa.binary(5), some(lambda i: bytes(rnd.randrange(256) for _ in range(5))), True),
    "none": (pa.int32(), [None] * N, True),
}
schema = pa.schema([pa.field(n, t, nullable=o) for n, (t, _, o) in columns.items()])
table = pa.table([pa.array(v, type=t) for t, v, _ in columns.values()], schema=schema)


def show(v):
    if v is None:
        return "NULL"
    if isinstance(v, bool):
        return "t" if v else "f"
    if isinstance(v, bytes):
        return "\\x" + v.hex()
    if isinstance(v, float):
        return repr(v).removesuffix(".0")
    if isinstance(v, datetime.datetime):
        s = v.isoformat(sep=" ")
        return s.rstrip("0") if "." in s else s
    if isinstance(v, decimal.Decimal):
        return format(v, "f")
    return str(v)


with open("expected.txt", "w") as f:
    scales = {n: t.scale for n, (t, _, _) in columns.items() if pa.types.is_decimal(t)}
    for row in table.to_pylist():
        f.write("|".join(show(v if v is None or n not in scales else v.quantize(decimal.Decimal(1).scaleb(-scales[n]), context=decimal.Context(prec=60))) for n, v in row.items()) + "\n")

common = dict(row_group_size=190, data_page_size=700, write_batch_size=40, store_schema=False)
for codec, version in [("snappy", "1.0"), ("gzip", "2.0"), ("brotli", "1.0"), ("zstd", "2.0"), ("lz4", "1.0"), ("lz4", "2.0")]:
    pq.write_table(table, f"dict-{codec}-v{version[0]}.parquet", compression=codec, data_page_version=version, **common)
pq.write_table(table, "plain.parquet", compression="none", use_dictionary=False, **common)
pq.write_table(table, "fallback.parquet", compression="zstd", dictionary_pagesize_limit=600, write_page_index=True, write_page_checksum=True, **common)
pq.write_table(table, "integers.parquet", compression="snappy", store_decimal_as_integer=True, use_dictionary=["low", "dec9"], **common)
pq.write_table(table, "int96.parquet", compression="snappy", use_deprecated_int96_timestamps=True, **common)
numbers = ["id", "oi32", "oi64", "step", "u32", "low", "i16", "day", "ts"]
strings = ["s", "word", "key", "bin"]
for version in ["1.0", "2.0"]:
    delta = {n: "DELTA_BINARY_PACKED" for n in numbers} | {n: "DELTA_BYTE_ARRAY" for n in strings + ["fix", "dec30"]} | {n: "BYTE_STREAM_SPLIT" for n in ["f", "d", "dec9"]}
    pq.write_table(table, f"delta-v{version[0]}.parquet", compression="zstd", use_dictionary=False, column_encoding=delta, data_page_version=version, **common)
lengths = {n: "DELTA_LENGTH_BYTE_ARRAY" for n in strings} | {n: "BYTE_STREAM_SPLIT" for n in ["id", "oi32", "oi64", "fix", "dec18"]} | {"b": "RLE", "ob": "RLE"}
pq.write_table(table, "lengths.parquet", compression="snappy", use_dictionary=False, column_encoding=lengths, data_page_version="2.0", **common)
