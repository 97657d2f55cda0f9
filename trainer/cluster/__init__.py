"""The same work over the machines of a Ray cluster: extraction and parsing of large collections.

Imported only where somebody asked for `--engine ray`: Ray is the extra [cluster].
"""
