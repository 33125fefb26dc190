#!/usr/bin/python3 -B
import sys

from ezio_clonezilla.helpers import add

sys.exit(add())
