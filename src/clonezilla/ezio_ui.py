#!/usr/bin/python3 -B
import sys

from ezio_clonezilla.ui import main

sys.exit(main())
