"""What scanners and phones do to a page."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.writers import RandomState
from pipelines.images import Image, Plane

_WHITE: Final = 255


@dataclass(frozen=True)
class Scanner:
    """How a flatbed or sheet-fed scanner renders a page; by default, perfectly.

    Attributes
    ----------
    angle : float
        Tilt of the page in degrees, counter-clockwise.

    shift : tuple of float
        Displacement to the right and downwards, in pixels.

    blur : float
        Standard deviation of the optics' blur, in pixels.

    paper : int
        Grey value of the paper.

    lid : int
        Grey value of what lies behind the page, relative to white paper; it
        comes into view where a page is tilted or shifted.

    gradient : float
        Change of the paper's tone across the page, in grey values.

    noise : float
        Standard deviation of the sensor's noise, in grey values.

    dust : float
        Specks on glass and paper for each square inch at 200 dpi (40,000 pixels).

    shadow : float
        Depth of the dark edge where the lid does not close, in grey values.

    quality : int
        JPEG quality, 1 to 100; 0 leaves compression out.
    """

    angle: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.0
    paper: int = _WHITE
    lid: int = _WHITE
    gradient: float = 0.0
    noise: float = 0.0
    dust: float = 0.0
    shadow: float = 0.0
    quality: int = 0


@dataclass(frozen=True)
class Photograph:
    """How a phone held over a desk renders a page.

    Attributes
    ----------
    tilt : float
        How far each corner is displaced at most, as a share of the page's width.

    angle : float
        Rotation of the page in degrees, counter-clockwise.

    margin : float
        Desk seen round the page, as a share of the page's width.

    desk : int
        Grey value of the desk.

    shade : float
        Share of the light that is missing at the darkest end of the page, in [0, 1].

    blur : float
        Standard deviation of the lens' blur, in pixels.

    noise : float
        Standard deviation of the sensor's noise, in grey values.
    """

    tilt: float = 0.04
    angle: float = 2.0
    margin: float = 0.08
    desk: int = 120
    shade: float = 0.35
    blur: float = 0.8
    noise: float = 3.0


def draw_scanner(random_state: RandomState = None) -> Scanner:
    """Draw the circumstances of one scanner.

    Parameters
    ----------
    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    scanner : Scanner
        Tilted by at most 3 degrees, blurred and speckled as office scanners do.

    Examples
    --------
    >>> abs(draw_scanner(0).angle) <= 3
    True
    """
    rng = np.random.default_rng(random_state)
    return Scanner(
        angle=float(np.clip(rng.normal(0, 1.2), -3, 3)),
        shift=(rng.normal(0, 10), rng.normal(0, 10)),
        blur=rng.uniform(0.5, 0.9),
        paper=int(rng.integers(232, 254)),
        lid=int(rng.integers(225, 256)),
        gradient=rng.uniform(0, 12),
        noise=rng.uniform(1.5, 4.5),
        dust=rng.uniform(0.0, 0.8),
        shadow=rng.uniform(30, 110) if rng.random() < 0.5 else 0.0,
        quality=int(rng.integers(70, 93)),
    )


def scan_page(
    page: Image, scanner: Scanner, *, random_state: RandomState = None
) -> Image:
    """Scan a page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Clean grey page, dark ink on white paper.

    scanner : Scanner
        What the scanner does; ``Scanner()`` does nothing.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness, for noise and dust.

    Returns
    -------
    scanned : ndarray of shape (height, width), dtype uint8
        A new page of the same size.

    Notes
    -----
    An A4 page at 200 dpi takes about a fifth of a second.

    Examples
    --------
    >>> page = np.full((200, 300), 255, dtype=np.uint8)
    >>> int(scan_page(page, Scanner(paper=240))[100, 100])
    240
    """
    rng = np.random.default_rng(random_state)
    scanned = _moved(page, scanner)
    if scanner.blur:
        cv2.GaussianBlur(scanned, (0, 0), scanner.blur, dst=scanned)
    if scanner.dust:
        _add_dust(scanned, scanner.dust, rng)
    light = _light(page.shape, scanner, rng)
    if scanner.noise:
        light += _noise(page.shape, scanner.noise, rng) / _WHITE
    cv2.multiply(scanned, light, dst=scanned, dtype=cv2.CV_8U)
    return compress_page(scanned, scanner.quality) if scanner.quality else scanned


def photograph_page(
    page: Image, photograph: Photograph, *, random_state: RandomState = None
) -> Image:
    """Photograph a page that lies on a desk.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Clean grey page, dark ink on white paper.

    photograph : Photograph
        How it is taken.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    photographed : ndarray, dtype uint8
        The page in perspective and uneven light, with the desk round it; larger
        than `page` by the margin on every side.

    Examples
    --------
    >>> page = np.full((200, 100), 255, dtype=np.uint8)
    >>> photograph_page(page, Photograph(), random_state=0).shape
    (216, 116)
    """
    rng = np.random.default_rng(random_state)
    margin = round(photograph.margin * page.shape[1])
    shape = (page.shape[0] + 2 * margin, page.shape[1] + 2 * margin)
    matrix = _perspective(page.shape, shape, photograph, rng)
    desk = _desk(shape, photograph.desk, rng)
    size = shape[::-1]
    seen = cv2.warpPerspective(page, matrix, size)
    sheet = np.full_like(page, _WHITE)
    mask = cv2.warpPerspective(sheet, matrix, size).astype(np.float32)
    mask /= np.float32(_WHITE)
    scene: Plane = desk + mask * (seen.astype(np.float32) - desk)
    if photograph.blur:
        cv2.GaussianBlur(scene, (0, 0), photograph.blur, dst=scene)
    scene *= _lamp(shape, photograph.shade, rng)
    scene += _noise(shape, photograph.noise, rng)
    return np.clip(scene, 0, _WHITE).astype(np.uint8)


def scan_field(paper: Plane, ink: Plane, noise: Plane, rng: Generator) -> Image:
    """Put ink on paper, and both under a scanner.

    Parameters
    ----------
    paper : ndarray of shape (height, width), dtype float32
        Grey values of the paper.

    ink : ndarray of shape (height, width), dtype float32
        Share of each pixel that ink covers.

    noise : ndarray of shape (256, 2048), dtype float32
        Of deviation 1; a part of it becomes the grain.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    field : ndarray of shape (height, width), dtype uint8
        Dark ink on light paper.
    """
    # From pencil, which takes a quarter of the light away, to a felt tip.
    darkness = rng.uniform(0.3, 0.85)
    grain = _cut_noise(noise, paper.shape, rng)
    if rng.random() < 0.06:  # pencils and dry pens show the paper's tooth
        ink = ink * (1 - np.float32(rng.uniform(0.1, 0.3)) * np.abs(grain))
    page: Plane = paper * (1 - np.float32(darkness) * ink)
    if rng.random() < 0.8:
        # A coarse scan is not blurred the more for it.
        blur = rng.uniform(0.3, 1.0) * min(1.0, len(page) / 45)
        if rng.random() < 0.15:  # a photograph out of focus, a small scan enlarged
            blur = rng.uniform(0.015, 0.05) * len(page)
        page = cv2.GaussianBlur(page, (0, 0), blur)
    page += np.float32(rng.uniform(0, 5)) * grain
    field = np.clip(page, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        return compress_page(field, int(rng.integers(40, 92)))
    return field


def compress_page(page: Image, quality: int) -> Image:
    """Compress a page as JPEG and open it again.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page.

    quality : int
        JPEG quality, 1 to 100.

    Returns
    -------
    page : ndarray of shape (height, width), dtype uint8
        With the blocks and ringing that compression leaves.
    """
    _, encoded = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _moved(page: Image, scanner: Scanner) -> Image:
    """Tilt and shift a page; the lid comes into view round it."""
    if not scanner.angle and not any(scanner.shift):
        return page.copy()
    height, width = page.shape
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, scanner.angle, 1.0)
    matrix[:, 2] += np.array(scanner.shift)
    moved = cv2.warpAffine(page, matrix, (width, height), borderValue=scanner.lid)
    return np.asarray(moved, dtype=np.uint8)


def _add_dust(page: Image, density: float, rng: Generator) -> None:
    """Draw specks, a few of them hairs, in place."""
    height, width = page.shape
    for _ in range(rng.poisson(density * page.size / 40_000)):
        place = rng.uniform(0, 1, 2) * (width, height)
        grey = int(rng.integers(40, 200))
        if rng.random() < 0.02:
            hair = _hair(rng) + place
            fixed = np.rint(hair * 16).astype(np.int32)
            cv2.polylines(page, [fixed], False, max(grey, 120), 1, cv2.LINE_AA, 4)
        else:
            radius = rng.uniform(0.4, 1.3)
            x, y = np.rint(place * 16).astype(int).tolist()
            cv2.circle(page, (x, y), round(radius * 16), grey, -1, cv2.LINE_AA, 4)


def _hair(rng: Generator) -> NDArray[np.float64]:
    """A hair of about 4 mm at 200 dpi, bent one way."""
    turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.normal(0, 1.5), 16)
    steps = 2 * np.column_stack([np.cos(turn), np.sin(turn)])
    return np.asarray(np.cumsum(steps, axis=0))


def _light(shape: tuple[int, ...], scanner: Scanner, rng: Generator) -> Plane:
    """Tone of the paper at every pixel, as a share of white."""
    height, width = shape
    direction = rng.uniform(0, 2 * np.pi)
    across = scanner.gradient * np.cos(direction) * np.linspace(-0.5, 0.5, width)
    down = scanner.gradient * np.sin(direction) * np.linspace(-0.5, 0.5, height)
    # The shadow of the lid's edge fades within about a hundredth of the width.
    edge = scanner.shadow * np.exp(-np.arange(width) / (0.008 * width))
    across -= edge if rng.random() < 0.5 else edge[::-1]
    tone = scanner.paper + down[:, None] + across[None, :]
    return np.asarray(tone / _WHITE, dtype=np.float32)


def _cut_noise(noise: Plane, shape: tuple[int, ...], rng: Generator) -> Plane:
    """Cut a part of the plane of noise; a wider field repeats its end."""
    top = int(rng.integers(noise.shape[0] - shape[0] + 1))
    left = int(rng.integers(max(noise.shape[1] - shape[1], 0) + 1))
    part = noise[top : top + shape[0], left : left + shape[1]]
    if part.shape == shape:
        return part
    return np.pad(part, [(0, 0), (0, shape[1] - part.shape[1])], mode="edge")


def _noise(shape: tuple[int, ...], deviation: float, rng: Generator) -> Plane:
    """Sensor noise of a given standard deviation, in grey values."""
    noise: Plane = rng.standard_normal(shape, dtype=np.float32)
    noise *= np.float32(deviation)
    return noise


def _perspective(
    inside: tuple[int, ...],
    outside: tuple[int, int],
    photograph: Photograph,
    rng: Generator,
) -> NDArray[np.float64]:
    """Matrix that lays a page into the view of a camera."""
    height, width = inside
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    middle = np.array(outside[::-1]) / 2
    turn = np.radians(photograph.angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    seen = (corners - [width / 2, height / 2]) @ rotation.T + middle
    seen += rng.uniform(-1, 1, (4, 2)) * photograph.tilt * width
    ends = corners.astype(np.float32), seen.astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(*ends), dtype=np.float64)


def _desk(shape: tuple[int, int], grey: int, rng: Generator) -> Plane:
    """Wood: grain that runs across the picture."""
    fibres = _noise((shape[0], 12), 1.0, rng)
    cv2.GaussianBlur(fibres, (0, 0), sigmaX=1.0, sigmaY=3.0, dst=fibres)
    grain = cv2.resize(fibres, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(grey + 30 * grain, dtype=np.float32)


def _lamp(shape: tuple[int, int], shade: float, rng: Generator) -> Plane:
    """Light that falls off smoothly from a bright corner to a dark one."""
    corners = np.array([[1.0, 1 - shade / 2], [1 - shade / 2, 1 - shade]], np.float32)
    corners = np.rot90(corners, int(rng.integers(4))).copy()
    light = cv2.resize(corners, shape[::-1], interpolation=cv2.INTER_LINEAR)
    # Phones expose paper a little short of white.
    return np.asarray(0.95 * light, dtype=np.float32)
