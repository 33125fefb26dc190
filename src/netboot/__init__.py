"""Machines that boot from the network into the cloner: what builds their boot image, and what serves it."""
