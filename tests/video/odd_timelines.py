"""Files of many containers, codecs and clocks: the table that is compared with FFmpeg's decode."""

from collections.abc import Iterator, Sequence

from video.made_files import Row, coded, copied, numbers, twice_coded, with_edits

RAW = numbers()
LATER = numbers(first=75)
"""The pictures that follow those of RAW."""
SOUND = "-f lavfi -i sine=d=4"
"""A second longer than the pictures."""
H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -bf 0"
H264_B = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -bf 3 -b_strategy 0"
OPEN = f"{H264_B} -x264-params open-gop=1:keyint=12:min-keyint=12"
REFRESH = f"{H264} -x264-params intra-refresh=1:keyint=20:bframes=0"
HEVC = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=15"
HEVC_B = f"{HEVC}:bframes=3:b-adapt=0:open-gop=0"
HEVC_OPEN = f"{HEVC}:min-keyint=15:bframes=3:b-adapt=0:open-gop=1"
MPEG4 = "-c:v mpeg4 -q:v 3 -g 25"
MPEG4_B = f"{MPEG4} -bf 2"
XVID = "-c:v libxvid -q:v 3 -bf 2 -g 25 -flags -global_header"
"""Packed: a packet may hold two frames, and another none."""
MPEG1_B = "-c:v mpeg1video -q:v 3 -bf 2 -g 15"
MPEG2 = "-c:v mpeg2video -q:v 3 -g 15"
MPEG2_B = f"{MPEG2} -bf 2"
VP8 = "-c:v libvpx -b:v 200k -auto-alt-ref 1 -lag-in-frames 16 -g 50 -cpu-used 4"
VP9 = "-c:v libvpx-vp9 -b:v 200k -auto-alt-ref 1 -lag-in-frames 16 -g 50 -cpu-used 5"
AV1 = "-c:v libaom-av1 -cpu-used 8 -b:v 200k -g 25 -pix_fmt yuv420p"
THEORA = "-c:v libtheora -q:v 8 -g 20"
MJPEG = "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p"
PRORES = "-c:v prores_ks -profile:v 0"


def _codecs() -> Iterator[Row]:
    """Every codec where it is at home."""
    short = numbers(seconds=1)
    yield coded("h264.mp4", H264)
    yield coded("h264-b.mp4", H264_B)
    yield coded("h264-open.mp4", OPEN)
    yield coded("h264-refresh.mp4", REFRESH)
    yield coded("h264-interlaced.mp4", f"{H264_B} -x264-params tff=1:interlaced=1")
    yield coded("hevc-b.mp4", HEVC_B)
    yield coded("hevc-open.mkv", HEVC_OPEN)
    yield coded("mpeg4.avi", MPEG4)
    yield coded("mpeg4-b.avi", f"{MPEG4_B} -vtag XVID")
    yield coded("xvid-packed.avi", XVID)
    yield coded("mpeg1-b.mpg", MPEG1_B)
    yield coded("mpeg2-b.mpg", MPEG2_B)
    yield coded("mpeg2-closed.ts", f"{MPEG2_B} -flags cgop -sc_threshold 1000000000")
    yield coded("mpeg2-interlaced.vob", f"{MPEG2_B} -flags +ildct+ilme -top 1")
    yield twice_coded("vp8.webm", VP8)
    yield twice_coded("vp9.webm", VP9)
    yield coded("av1.mkv", AV1, short)
    yield coded("mjpeg.avi", MJPEG)
    yield coded("prores.mov", PRORES)
    yield coded("ffv1.mkv", "-c:v ffv1")
    yield coded("huffyuv.avi", "-c:v huffyuv")
    yield coded("msmpeg4v3.avi", "-c:v msmpeg4 -q:v 3")
    yield coded("wmv1.asf", "-c:v wmv1 -q:v 3")
    yield coded("wmv2.wmv", "-c:v wmv2 -q:v 3")
    yield coded("flv1.flv", "-c:v flv -q:v 3")
    yield coded("h263.3gp", "-c:v h263 -q:v 3", numbers("128x96"))
    yield coded("theora.ogv", THEORA)
    yield coded("gif.gif", "", numbers(rate=20))
    yield coded("apng.apng", "-f apng")
    yield coded("png.mov", "-c:v png")
    yield coded("rawvideo.avi", "-c:v rawvideo -pix_fmt bgr24", short)
    yield coded("yuv.y4m", "-pix_fmt yuv420p", short)
    yield coded("dnxhr.mov", "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p", numbers("256x128"))
    yield coded("dv.dv", "-s 720x576 -pix_fmt yuv420p", short)
    yield coded("dv.avi", "-c:v dvvideo -s 720x576 -pix_fmt yuv420p", short)
    yield coded("rv20.rm", "-c:v rv20 -q:v 3", numbers("128x96"))
    yield coded("cinepak.mov", "-c:v cinepak", short)
    yield coded("qtrle.mov", "-c:v qtrle -pix_fmt rgb24")
    yield coded("jpeg2000.mxf", "-c:v jpeg2000 -pix_fmt yuv422p", short)
    yield coded("zmbv.avi", "-c:v zmbv")
    yield coded("flashsv.flv", "-c:v flashsv -pix_fmt bgr24")


def _containers() -> Iterator[Row]:
    """Codecs that reorder or hide frames, in containers that keep times well, badly or not."""
    for suffix in ("mov", "mkv", "avi", "asf", "ts", "m2ts", "mpg", "flv", "f4v", "3gp", "nut"):
        yield coded(f"h264-b.{suffix}", H264_B)
    yield from (coded(f"h264-b.{suffix}", H264_B) for suffix in ("h264", "wtv"))
    yield coded("h264-b.mxf", H264_B, even=0.04)
    yield from (coded(f"h264-open.{suffix}", OPEN) for suffix in ("mkv", "ts", "avi", "h264"))
    yield from (coded(f"h264-refresh.{suffix}", REFRESH) for suffix in ("mkv", "ts", "h264"))
    yield from (coded(f"hevc-b.{suffix}", HEVC_B) for suffix in ("ts", "mov", "hevc"))
    yield coded("hevc-open.ts", HEVC_OPEN)
    yield from (coded(f"mpeg4-b.{s}", MPEG4_B) for s in ("mp4", "mkv", "ts", "m4v", "nut"))
    yield from (coded(f"mpeg2-b.{s}", MPEG2_B) for s in ("ts", "mxf", "m2v", "avi", "mkv"))
    yield from (copied(f"vp9.{suffix}", "vp9.webm") for suffix in ("mp4", "ivf"))
    yield from (copied(f"vp8.{suffix}", "vp8.webm") for suffix in ("ivf", "avi", "ogv"))
    yield copied("vp9-hidden-packets.nut", "vp9.webm", "-bsf:v vp9_superframe_split")
    yield from (coded(f"av1.{suffix}", AV1, numbers(seconds=1)) for suffix in ("mp4", "ivf", "obu"))
    yield coded("mjpeg.mjpeg", MJPEG)
    yield coded("h264-live.mkv", f"{H264_B} -live 1")
    yield coded("vp9-live.webm", f"{VP9} -live 1")
    yield coded("h264-fragments.mp4", f"{H264_B} -movflags frag_keyframe+empty_moov")
    yield coded("h264-dash.mp4", f"{H264_B} -movflags frag_keyframe+delay_moov+default_base_moof")
    yield coded("h264-negative-cts.mp4", f"{H264_B} -movflags negative_cts_offsets")
    yield coded("h264-no-edits.mp4", f"{H264_B} -use_editlist 0")


def _long() -> Iterator[Row]:
    """Long enough that some frames are jumped to."""
    raw = numbers(seconds=40)
    for suffix in ("mp4", "mkv", "ts", "avi", "flv", "asf", "h264"):
        yield coded(f"long-b.{suffix}", H264_B, raw)
    yield coded("long-b.mxf", H264_B, raw, even=0.04)
    yield from (coded(f"long-open.{suffix}", OPEN, raw) for suffix in ("mp4", "ts"))
    yield from (coded(f"long-refresh.{suffix}", REFRESH, raw) for suffix in ("mp4", "ts"))
    yield coded("long-hevc-open.mp4", HEVC_OPEN, raw)
    yield coded("long-mpeg2-b.mpg", MPEG2_B, raw)
    yield coded("long-xvid-packed.avi", XVID, raw)
    yield coded("long-theora.ogv", THEORA, raw)
    yield copied("long-late.mkv", "long-b.mp4", before="-itsoffset 7")
    yield Row("long-jump.ts", parts=("long-b.ts", "long-hour.ts"))
    again = with_edits((10, 20), (10, 5), (10, 20), (5, 0))
    yield coded("long-edits.mp4", H264_B, raw, patch=again)
    yield copied("long-trimmed.mp4", "long-b.mp4", before="-ss 3.3")


def _starts() -> Iterator[Row]:
    """Late starts, cuts without re-encoding, recordings that begin or end anywhere."""
    for suffix in ("mkv", "mp4", "avi", "ts", "flv", "nut", "asf"):
        yield copied(f"late.{suffix}", "h264-b.mp4", before="-itsoffset 3")
    yield copied("late.webm", "vp9.webm", before="-itsoffset 3")
    late = "-itsoffset 1 -i @h264-b.mp4 -map 0:a -map 1:v -c:v copy"
    for suffix in ("mp4", "mkv", "ts", "avi"):
        yield Row(f"late-with-sound.{suffix}", f"{SOUND} {late} -c:a mp2")
    fragments = "-movflags frag_keyframe+empty_moov"
    yield copied("late-fragments.mp4", "h264-b.mp4", fragments, "-itsoffset 3")
    for suffix in ("mp4", "mkv", "ts", "avi", "flv", "asf", "mpg"):
        longer = f"{SOUND} -i @mpeg4-b.mp4 -map 0 -map 1:v -c:a libmp3lame -ar 44100"
        codec = "-c:v flv -q:v 3" if suffix == "flv" else "-c:v mpeg2video -q:v 3"
        yield Row(f"sound-longer.{suffix}", f"{longer} {codec}")
    for suffix in ("mkv", "avi", "flv", "ts"):
        yield copied(f"cut-end.{suffix}", f"h264-b.{suffix}", "-t 1.5")
    yield copied("cut.mp4", "h264-b.mp4", before="-ss 1.3")
    yield copied("cut-both-ends.mp4", "h264-b.mp4", "-t 0.9", "-ss 1.3")
    yield copied("cut-open.mp4", "h264-open.mp4", before="-ss 1.3")
    yield copied("cut-open.mkv", "h264-open.mp4", before="-ss 1.3", good=False)
    yield copied("cut-open-hevc.mkv", "hevc-open.mkv", before="-ss 1.3", good=False)
    yield copied("cut-open-hevc.mp4", "hevc-open.mkv", before="-ss 1.3", good=False)
    for name in ("h264-b", "h264-open", "h264-refresh", "hevc-b", "hevc-open", "mpeg2-b"):
        row = Row(f"joined-late-{name}.ts", parts=(f"{name}.ts",), good=False, patch=_from_middle)
        yield row
    skip = "-bsf:v \"noise=drop='lt(n,10)'\""
    for suffix in ("mp4", "mkv"):
        yield copied(f"mid-group.{suffix}", "h264-b.mp4", skip, good=False)


def _from_middle(data: bytes) -> bytes:
    """A transport stream from about its middle on."""
    return data[len(data) // 376 * 188 :]


def _edits() -> Iterator[Row]:
    """Edit lists of MP4 and MOV."""
    lists: dict[str, Sequence[tuple[float, float]]] = {
        "two-parts": ((1.0, 0.0), (1.0, 2.0)),
        "adjoining": ((1.0, 0.0), (1.0, 1.0)),
        "repeated": ((1.0, 1.0), (1.0, 1.0)),
        "three-repeated": ((0.8, 0.4), (0.6, 2.0), (0.8, 0.4)),
        "backwards": ((1.0, 2.0), (1.0, 0.0)),
        "empty-first": ((1.5, -1), (2.0, 0.4)),
        "empty-middle": ((1.0, 0.0), (1.0, -1), (1.0, 2.0)),
        "empty-twice": ((0.5, -1), (0.5, -1), (2.0, 0.0)),
        "trimmed": ((1.6, 0.6),),
        "end-trimmed": ((1.6, 0.0),),
        "mid-frame": ((1.21, 0.63), (0.7, 1.59)),
        "longer": ((5.0, 0.0),),
    }
    for name, parts in lists.items():
        yield coded(f"edits-{name}.mp4", H264_B, patch=with_edits(*parts))
    for name in ("two-parts", "repeated", "trimmed"):
        patch = with_edits(*lists[name])
        yield coded(f"edits-{name}-open.mov", OPEN, patch=patch)
        yield coded(f"edits-{name}-prores.mov", PRORES, patch=patch)
    for name in ("two-parts", "trimmed"):  # FFmpeg itself shows nothing good going back in these
        patch = with_edits(*lists[name])
        yield coded(f"edits-{name}-refresh.mp4", REFRESH, patch=patch)
        yield coded(f"edits-{name}-hevc.mp4", HEVC_OPEN, patch=patch)


def _ingredients() -> Iterator[Row]:
    """Parts of recordings that are joined; they are not compared themselves."""
    offsets = {"zero": 0, "hour": 3600, "pause": 7, "early": 2, "wrap": 95440.5}
    for first in (0, 75, 150):
        for name, offset in offsets.items():
            clock = f"-muxdelay 0 -output_ts_offset {offset}"
            yield coded(f"{first}-{name}.ts", f"{H264_B} {clock}", numbers(first=first))
    sound = f"{SOUND} {MPEG2_B} -c:a mp2 -shortest"
    yield coded("75-tags.flv", H264_B, LATER, patch=lambda data: data[13:])  # no header
    yield coded("long-hour.ts", f"{H264_B} -output_ts_offset 3600", numbers(seconds=20, first=500))
    yield Row("sound.ts", f"{RAW} {sound}")
    yield Row("sound-hour.ts", f"{LATER} {sound} -output_ts_offset 3600")
    yield coded("size.ts", H264_B, numbers("192x128", first=75))
    yield coded("large.mp4", H264_B, numbers("192x128", first=500))
    yield coded("poster.mov", MJPEG, numbers("192x128", first=550, seconds=0.04))
    yield Row("two-programs-hour.ts", f"{PROGRAMS} -output_ts_offset 3600")
    for name, (_, codec) in _joins().items():
        yield coded(f"75-{name}", codec, LATER)


def _joins() -> dict[str, tuple[str, str]]:
    """A recording that is one put to the end of another: its name, the first's, the codec."""
    return {
        "joined.mpg": ("mpeg2-b.mpg", MPEG2_B),
        "joined-mpeg1.mpg": ("mpeg1-b.mpg", MPEG1_B),
        "joined.h264": ("h264-b.h264", H264_B),
        "joined-open.h264": ("h264-open.h264", OPEN),
        "joined.hevc": ("hevc-b.hevc", HEVC_B),
        "joined.m2v": ("mpeg2-b.m2v", MPEG2_B),
        "joined.m4v": ("mpeg4-b.m4v", MPEG4_B),
        "joined.flv": ("h264-b.flv", H264_B),
        "joined.avi": ("mpeg4.avi", MPEG4),
        "joined-mpeg2.ts": ("mpeg2-b.ts", MPEG2_B),
        "joined-hevc.ts": ("hevc-b.ts", HEVC_B),
        "joined.mjpeg": ("mjpeg.mjpeg", MJPEG),
        "joined.asf": ("h264-b.asf", H264_B),
    }


def _joined() -> Iterator[Row]:
    """Clocks that jump or wrap, and recordings put end to end."""
    jumps = {
        "forward": ("0-zero", "75-hour"),
        "back": ("0-hour", "75-zero"),
        "same": ("0-zero", "75-zero"),
        "pause": ("0-zero", "75-pause"),
        "early": ("0-zero", "75-early"),
        "there-and-back": ("0-zero", "75-hour", "150-zero"),
        "twice": ("0-zero", "75-zero", "150-zero"),
        "after-wrap": ("0-wrap", "75-hour"),
    }
    for name, parts in jumps.items():
        yield Row(f"jump-{name}.ts", parts=tuple(f"{part}.ts" for part in parts))
    yield copied("wrap.ts", "h264-b.mp4", "-output_ts_offset 95440.5")
    yield copied("wrap.mpg", "mpeg2-b.mpg", "-output_ts_offset 95440.5")
    yield copied("wrap-mpeg2.ts", "mpeg2-b.ts", "-output_ts_offset 95440.5")
    yield Row("jump-sound.ts", parts=("sound.ts", "sound-hour.ts"))
    yield Row("jump-back-sound.ts", parts=("sound-hour.ts", "sound.ts"))
    yield Row("jump-size.ts", parts=("0-zero.ts", "size.ts"))
    for name, (head, _) in _joins().items():
        yield Row(name, parts=(head, f"75-{name}"))
    yield Row("joined-tags.flv", parts=("h264-b.flv", "75-tags.flv"), even=0.04)


def _rates() -> Iterator[Row]:
    """Variable rates, pauses, frames that are missing, times that are missing or guessed."""
    some = '-vf "select=not(mod(n\\,5))+not(mod(n\\,7))+lt(n\\,20)" -fps_mode vfr'
    for suffix in ("mp4", "mkv", "ts", "avi", "flv", "asf"):
        slack = 4 if suffix in ("avi", "asf") else 0
        yield coded(f"variable.{suffix}", f"{some} {H264_B}", slack=slack)
    yield coded("variable.gif", some)
    yield coded("variable.webm", f"{some} {VP9}")
    yield coded("variable-mpeg2.ts", f"{some} {MPEG2}")
    for seconds in (4, 30, 3600):
        gap = f'-vf "setpts=PTS+gte(N\\,40)*{seconds}/TB" -fps_mode vfr'
        for suffix, codec in (("mp4", H264_B), ("mkv", H264_B), ("ts", H264), ("flv", H264)):
            yield coded(f"pause-{seconds}.{suffix}", f"{gap} {codec}")
    for suffix in ("mp4", "mkv", "ts", "flv", "avi", "h264"):
        yield coded(f"rate-29.97.{suffix}", f"{H264_B} -r 30000/1001", numbers(rate=29.97))
        yield coded(f"rate-1.{suffix}", H264_B, numbers(rate=1, seconds=9))
    for suffix in ("mp4", "mkv", "ts"):
        yield coded(f"rate-1000.{suffix}", H264_B, numbers(rate=1000, seconds=0.2))
    yield coded("rate-60.h264", H264_B, numbers(rate=60))
    for suffix in ("mp4", "mkv", "ts", "avi"):
        yield coded(f"slides.{suffix}", H264, numbers(rate=0.2, seconds=40))
        yield coded(f"still.{suffix}", H264, numbers(seconds=0.04))
    for suffix in ("mp4", "mkv", "avi"):
        yield coded(f"three-frames.{suffix}", H264_B, numbers(seconds=0.12))
    yield coded("variable.apng", f"{some} -f apng")
    yield coded("still.gif", "", numbers(seconds=0.04))
    dropped = "-bsf:v \"noise=drop='eq(mod(n,7),3)'\""
    for suffix in ("mkv", "mp4", "avi"):
        yield copied(f"dropped.{suffix}", "mjpeg.avi", dropped)
    for codec in ("h264", "mpeg2"):
        times = "-bsf:v \"setts=pts='if(mod(N,5),NOPTS,PTS)'\""
        yield copied(f"some-pts-{codec}.ts", f"{codec}-b.ts", times)
    yield copied("same-pts.mkv", "ffv1.mkv", "-bsf:v \"setts=ts='PTS-mod(N,2)*40'\"")
    yield copied("same-pts.mp4", "mjpeg.avi", "-bsf:v \"setts=ts='PTS-mod(N,2)'\"")


def _tracks() -> Iterator[Row]:
    """Several video tracks, of which a player shows one."""
    no_default = "-disposition:v:0 0 -disposition:v:1 0"
    first_default = "-disposition:v:0 default -disposition:v:1 0"
    second_default = "-disposition:v:0 0 -disposition:v:1 default"
    for suffix in ("mp4", "mov", "mkv"):
        poster_last, poster_first = (
            _both("h264-b.mp4", "poster.mov"),
            _both("poster.mov", "h264-b.mp4"),
        )
        yield Row(f"poster-second.{suffix}", poster_last)
        yield Row(f"poster-second-default.{suffix}", f"{poster_last} {second_default}")
        yield Row(f"poster-first.{suffix}", poster_first, stream=1)
        yield Row(f"poster-first-default.{suffix}", f"{poster_first} {first_default}", stream=1)
        yield Row(f"cover.{suffix}", f"{poster_last} -disposition:v:1 attached_pic")
        yield Row(f"default-small.{suffix}", f"{BOTH} {first_default}")
        yield Row(f"default-large.{suffix}", f"{BOTH} {second_default}", stream=1)
    yield Row("no-default.mkv", f"{BOTH} {no_default}", stream=1)
    for suffix in ("ts", "avi", "asf"):
        yield Row(f"two-videos.{suffix}", BOTH, stream=1)
    yield Row("two-programs.ts", PROGRAMS, stream=1)
    yield Row("two-programs-jump.ts", parts=("two-programs.ts", "two-programs-hour.ts"), stream=1)


def _both(first: str, second: str) -> str:
    """Arguments for a file of the video tracks of two others."""
    return f"-i @{first} -i @{second} -map 0:v -map 1:v -c copy"


BOTH = _both("h264-b.mp4", "large.mp4")
PROGRAMS = f"{BOTH} -program title=a:st=0 -program title=b:st=1"


ROWS: tuple[Row, ...] = (
    *_codecs(),
    *_containers(),
    *_long(),
    *_starts(),
    *_edits(),
    *_joined(),
    *_rates(),
    *_tracks(),
)
INGREDIENTS: tuple[Row, ...] = tuple(_ingredients())
