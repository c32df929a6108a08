#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""doc/survey.schema.json against what postsix writes: each survey of the unit test fits, each change of one does not."""
import copy
import json
import os
import tempfile

import jsonschema

from house import B, Tap, none, read, run

t = Tap()
schema = json.loads(read("doc/survey.schema.json"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
program = f"{B}/tests/unit/adapter/survey_json"
run("make", "--no-print-directory", "-s", f"B={B}", program)
with tempfile.NamedTemporaryFile(mode="r", encoding="ascii") as file:
    run("env", f"SURVEY_SAMPLES={file.name}", program)
    samples = [json.loads(line) for line in file]
t.ok(len(samples) > 5, f"{len(samples)} surveys were written by {os.path.basename(program)}")
none(t, [f"{sample['mx']}: {error.message}"[:200] for sample in samples for error in validator.iter_errors(sample)],
     "each of them fits the schema")


def changed(whole, at, value):
    bad = copy.deepcopy(whole)
    target = bad
    for step in at[:-1]:
        target = target[step]
    target[at[-1]] = value
    return bad


whole = max(samples, key=lambda sample: len(str(sample)), default={})
BAD = [(["v"], 2), (["mx"], "maybe"), (["more"], 1), (["hosts", 0, "aaaa"], True), (["hosts", 0, "more"], 1), (["took_ms"], -1),
       (["hosts"], whole.get("hosts", []) * 2), (["hosts", 0, "v6", 0, "kind"], "ulb"), (["hosts", 0, "v6", 0, "reach"], ""),
       (["hosts", 0, "v6", 0, "connect_ms"], -1), (["hosts", 0, "v6", 0, "banner"], "x" * 128)]
none(t, [at for at, value in BAD if validator.is_valid(changed(whole, at, value))], "and nothing else does")


def words(name):
    """The enum's names in src/mail/survey.c, in order of the schema's."""
    body = read("src/mail/survey.c").split(f"survey_{name}_name(")[1].split("return")[0]
    return {part for part in body.split('"')[1::2]}


for name, place in {"mx": schema["properties"]["mx"], "answer": schema["$defs"]["answer"],
                    **{key: schema["$defs"]["address"]["properties"][key] for key in ("kind", "reach", "step")}}.items():
    t.eq(set(place["enum"]), words(name), f"the schema has every word for {name}")
t.done()
