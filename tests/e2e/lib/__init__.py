"""Helpers of the end-to-end tests: a sandbox of namespaces, processes, loop devices, file systems, clients."""
