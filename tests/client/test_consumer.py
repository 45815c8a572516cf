"""An app as others would write it, with the types that the client promises, runs."""

from __future__ import annotations

import asyncio
import doctest
import importlib
from pathlib import Path

import pytest
from consumer import awaited, blocking

import remixd.client


def test_an_app_runs_in_both_faces(service):
    told = blocking(str(service.address))
    assert told[0] == ""
    assert "drums at" in told[1]
    assert told[2:] == ["A", "True", "a", "b", "0"]
    assert asyncio.run(awaited(str(service.address))).startswith("c: ")


def test_the_package_says_that_it_has_types():
    assert (Path(remixd.client.__file__).parents[1] / "py.typed").is_file()


MODULES = sorted(path.stem for path in Path(remixd.client.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    module = remixd.client if name == "__init__" else importlib.import_module(f"remixd.client.{name}")
    assert doctest.testmod(module).failed == 0


def test_there_are_examples_in_docstrings():
    finder = doctest.DocTestFinder()
    found = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(f"remixd.client.{name}".removesuffix(".__init__")))
        if test.examples
    ]
    assert len(found) >= 3
