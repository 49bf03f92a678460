"""The gateway of lightning-memory, with its own client of phoenixd: tokens are good for the origin, for an hour.

HOME is a folder of this run alone: it keeps its key, its settings and its memories there.
"""

import json
import os
from pathlib import Path

home = Path.home() / ".lightning-memory"
home.mkdir()
prices = {"memory_list": 10, "memory_query": 10}
(home / "config.json").write_text(json.dumps({"phoenixd_url": os.environ["NODE"], "pricing": prices}))

import loopback
from lightning_memory.gateway import create_app

loopback.serve(create_app())
