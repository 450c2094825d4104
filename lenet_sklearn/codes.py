"""Target codes of the classes: small pictures of the digits, black and white."""

import torch
from torch import Tensor

WIDTH, HEIGHT = 7, 12

# Seed of the codes of classes beyond the ten digits: any, but always the same one.
_SEED = 1998

_BITMAPS = (
    """
    .......  .......  .......  .......  .......
    ..###..  ...#...  ..###..  .#####.  .....#.
    .#...#.  ..##...  .#...#.  .....#.  ....##.
    #.....#  .#.#...  #.....#  ....#..  ...#.#.
    #.....#  ...#...  ......#  ...#...  ..#..#.
    #.....#  ...#...  .....#.  ..###..  .#...#.
    #.....#  ...#...  ....#..  .....#.  #....#.
    #.....#  ...#...  ...#...  ......#  #######
    #.....#  ...#...  ..#....  ......#  .....#.
    .#...#.  ...#...  .#.....  #....#.  .....#.
    ..###..  .#####.  #######  .####..  .....#.
    .......  .......  .......  .......  .......
    """,
    """
    .......  .......  .......  .......  .......
    #######  ...##..  #######  .#####.  ..###..
    #......  ..#....  ......#  #.....#  .#...#.
    #......  .#.....  .....#.  #.....#  #.....#
    #......  #......  .....#.  #.....#  #.....#
    #.###..  #.###..  ....#..  .#####.  #....##
    ##...#.  ##...#.  ....#..  #.....#  .####.#
    ......#  #.....#  ...#...  #.....#  ......#
    ......#  #.....#  ...#...  #.....#  .....#.
    #....#.  .#...#.  ..#....  #.....#  ....#..
    .####..  ..###..  ..#....  .#####.  .##....
    .......  .......  .......  .......  .......
    """,
)


def class_codes(n_classes: int) -> Tensor:
    """Give every class a code of 84 signs.

    The first ten are pictures of the digits 0 to 9, 7 wide and 12 high, so that
    digits that look alike have codes that are near each other [1]_. Further
    classes have random codes, the same ones in every network.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    Returns
    -------
    codes : Tensor of shape (n_classes, 84), dtype float32
        +1 where there is ink, -1 where there is none.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section II.B and figure 3. The pictures here were drawn anew.

    Examples
    --------
    >>> from lenet_sklearn.codes import class_codes
    >>> one = class_codes(10)[1].reshape(12, 7)
    >>> "".join("#" if sign > 0 else "." for sign in one[1])
    '...#...'
    """
    codes = torch.stack([_read(block, i) for block in _BITMAPS for i in range(5)])
    missing = n_classes - len(codes)
    if missing > 0:
        generator = torch.Generator().manual_seed(_SEED)
        drawn = torch.randint(2, (missing, codes.shape[1]), generator=generator)
        codes = torch.cat([codes, 2.0 * drawn - 1])
    return codes[:n_classes].clone()


def _read(block: str, column: int) -> Tensor:
    rows = [line.split()[column] for line in block.strip().splitlines()]
    return torch.tensor([1.0 if sign == "#" else -1.0 for sign in "".join(rows)])
