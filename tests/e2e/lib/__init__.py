"""Helpers of the end-to-end tests: a sandbox, processes, loop devices, file systems, network, clients."""
