# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Run a module as ``python -m MODULE`` does, without what lies in the current directory.

``python -m`` and ``python -c`` look into the current directory first: a file ``yaml.py`` there
would run with the rights of whoever calls the entry script. ``python -P`` mends that from
Python 3.11 on; this does so on every version. The folder of this file, which Python put in
front instead, is taken out as well.
"""

import os
import runpy
import sys

folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if entry not in ('', folder)]
module = sys.argv[1]
del sys.argv[:1]
runpy.run_module(module, run_name='__main__', alter_sys=True)
