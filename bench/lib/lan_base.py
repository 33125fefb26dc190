"""What the end-to-end tests have already: network namespaces on a bridge, and the place that ends with us."""
import importlib.util
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _load(directory, name):
    """Their package is called lib, as ours is, so it is loaded by another name."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(directory, "__init__.py"),
                                                  submodule_search_locations=[directory])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_load(os.path.join(ROOT, "tests", "e2e", "lib"), "e2e_lib")

from e2e_lib import netlab, sandbox  # noqa: E402,F401
