#!/usr/bin/python3 -B
import sys

from ezio_clonezilla.partclone_torrent import main

sys.exit(main())
