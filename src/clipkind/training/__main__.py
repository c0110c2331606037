"""`torchrun -m clipkind.training FEATURES --split ... --out RUN`: `clipkind train`, distributed.

All processes of all machines train each member together, on shares of every batch; RUN must be on
a disk they all see. (By floor this belongs to the command line, which it hands over to at once.)
"""

import sys

from clipkind.cli.main import main

sys.argv[:1] = ["clipkind", "train"]
main()
