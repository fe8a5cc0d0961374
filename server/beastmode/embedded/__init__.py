"""The built-in local model: its weights, its own server process, and the share that each editor window has in it.

Apart from the other rooms because it is the only one that fetches files and starts a process. To the rest of the house
it is one more row of the registry (`custom:builtin`) whose address is found out at request time. `Embedded`, in
`embedded.py`, is the door.
"""

from beastmode.embedded.embedded import Embedded, Progress

__all__ = ["Embedded", "Progress"]
