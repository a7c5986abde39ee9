"""Drives libtorrent for the tests: makes a torrent, or seeds or fetches one on a loopback address.

    libtorrent-peer.py create --out FILE --piece-length N [--hybrid] DATA
    libtorrent-peer.py run --host IP --folder DIR [--peer IP:PORT]... [--open] TORRENT | --magnet URI

`run` prints one JSON object a line and goes on until standard input is closed.
"""
import argparse
import json
import os
import select
import sys
import time

import libtorrent as lt


def say(**event):
    print(json.dumps(event), flush=True)


def create(args):
    storage = lt.file_storage()
    lt.add_files(storage, args.data)
    flags = 0 if args.hybrid else lt.create_torrent.v2_only
    torrent = lt.create_torrent(storage, args.piece_length, flags)
    lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(args.data)))
    with open(args.out, "wb") as out:
        out.write(lt.bencode(torrent.generate()))


def session(args):
    kinds = lt.alert.category_t
    return lt.session({
        "listen_interfaces": f"{args.host}:0",
        "outgoing_interfaces": args.host,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "allow_multiple_connections_per_ip": True,
        "out_enc_policy": int(lt.enc_policy.pe_disabled if args.plain else lt.enc_policy.pe_enabled),
        **({"connections_limit": 1000, "unchoke_slots_limit": -1} if args.open else {}),
        "alert_mask": kinds.all_categories if args.verbose else kinds.error_notification,
    })


def run(args):
    ses = session(args)
    if args.magnet:
        params = lt.parse_magnet_uri(args.magnet)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(args.torrent)
    params.save_path = args.folder
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    handle = ses.add_torrent(params)
    complete, began = False, time.monotonic()
    for peer in args.peer:
        host, port = peer.rsplit(":", 1)
        handle.connect_peer((host, int(port)))
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 0.02)
        if readable and sys.stdin.read(1) == "":
            return
        for alert in ses.pop_alerts():
            if args.verbose:
                print(alert, file=sys.stderr, flush=True)
        status = handle.status()
        if status.errc.value():
            say(event="error", message=status.errc.message())
            return
        if status.is_seeding and not complete:
            complete = True
            say(event="complete", port=ses.listen_port(), seconds=time.monotonic() - began)


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command", required=True)
making = commands.add_parser("create")
making.add_argument("--out", required=True)
making.add_argument("--piece-length", type=int, required=True)
making.add_argument("--hybrid", action="store_true")
making.add_argument("data")
running = commands.add_parser("run")
running.add_argument("--host", required=True)
running.add_argument("--folder", required=True)
running.add_argument("--peer", action="append", default=[])
running.add_argument("--magnet")
running.add_argument("--plain", action="store_true")
running.add_argument("--open", action="store_true")
running.add_argument("--verbose", action="store_true")
running.add_argument("torrent", nargs="?")
args = parser.parse_args()
create(args) if args.command == "create" else run(args)
