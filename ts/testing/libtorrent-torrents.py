"""What libtorrent makes of data, and what it reads in torrents and thinks of their data, in one go.

Standard input: {"make": [{"data", "out", "pieceLength", "v2Only", "tailPadding"}], "read": [{"torrent", "folder"}]}
Standard output: for each of `read` what the torrent says, and whether a session that checks all pieces ends as a seed.
"""
import json
import os
import sys
import time

import libtorrent as lt

CHECK_SECONDS = 60


def make(data, out, pieceLength, v2Only=False, tailPadding=True):
    storage = lt.file_storage()
    lt.add_files(storage, data)
    flags = lt.create_torrent.v2_only if v2Only else 0
    if not tailPadding:
        flags |= lt.create_torrent.canonical_files_no_tail_padding
    torrent = lt.create_torrent(storage, pieceLength, flags)
    lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(data)))
    with open(out, "wb") as file:
        file.write(lt.bencode(torrent.generate()))


def describe(info):
    hashes, files = info.info_hashes(), info.files()
    real = [i for i in range(files.num_files()) if not files.file_flags(i) & files.flag_pad_file]
    return {
        "name": info.name(),
        "infohashV1": str(hashes.v1) if hashes.has_v1() else None,
        "infohashV2": str(hashes.v2),
        "pieceLength": info.piece_length(),
        "files": [
            {
                "path": files.file_path(i),
                "length": files.file_size(i),
                "piecesRoot": files.root(i).to_bytes().hex() if files.file_size(i) else None,
            }
            for i in real
        ],
    }


def check(reads):
    session = lt.session({
        "listen_interfaces": "",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
    })
    handles = []
    for read in reads:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(read["torrent"])
        params.save_path = read["folder"]
        params.flags &= ~lt.torrent_flags.auto_managed
        params.flags &= ~lt.torrent_flags.paused
        handles.append(session.add_torrent(params))
    deadline = time.monotonic() + CHECK_SECONDS
    while time.monotonic() < deadline:
        states = [handle.status() for handle in handles]
        if all(state.is_seeding or state.errc.value() for state in states):
            break
        time.sleep(0.05)
    return [{"seeding": state.is_seeding, "error": state.errc.message() if state.errc.value() else None} for state in states]


jobs = json.load(sys.stdin)
for job in jobs.get("make", []):
    make(**job)
reads = jobs.get("read", [])
checks = check(reads) if reads else []
print(json.dumps([{**describe(lt.torrent_info(read["torrent"])), **found} for read, found in zip(reads, checks)]))
