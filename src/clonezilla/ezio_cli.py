#!/usr/bin/python3 -B
import sys

from ezio_clonezilla.cli import main

sys.exit(main())
