"""A folder served over the network as WebHDFS, the store that fsspec reaches without further packages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_ROOT = "/webhdfs/v1"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder's store, for as long as the context lasts."""
    handler = type("Handler", (_Handler,), {"folder": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"webhdfs://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """What of https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html is needed."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        path, query = self._asked()
        if not path.exists():
            self._tell({"RemoteException": {"exception": "FileNotFoundException", "message": str(path)}}, 404)
            return
        match query["op"]:
            case "OPEN":
                content = path.read_bytes()
                start = int(query["offset"])
                self._send(content[start : start + int(query["length"])])
            case "GETFILESTATUS":
                self._tell({"FileStatus": _status(path)})
            case "LISTSTATUS":
                found = [{**_status(each), "pathSuffix": each.name} for each in path.iterdir()]
                self._tell({"FileStatuses": {"FileStatus": found}})
            case "GETFILECHECKSUM":
                state = path.stat()
                self._tell({"FileChecksum": {"bytes": f"{state.st_size}, {state.st_mtime_ns}"}})

    def do_PUT(self) -> None:
        path, query = self._asked()
        if query["op"] == "RENAME":
            target = self.folder / query["destination"].strip("/")
            can_move = path.exists() and not target.exists()
            if can_move:
                path.rename(target)
            self._tell({"boolean": can_move})
        elif query.get("here"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            self._send(b"", 201)
        else:
            self._elsewhere()

    def do_POST(self) -> None:
        path, query = self._asked()
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        if query.get("here"):
            with path.open("ab") as file:
                file.write(content)
            self._send(b"")
        else:
            self._elsewhere()

    def do_DELETE(self) -> None:
        self._asked()[0].unlink(missing_ok=True)
        self._tell({"boolean": True})

    def log_message(self, *_: Any) -> None:
        pass

    def _asked(self) -> tuple[Path, dict[str, str]]:
        url = urlsplit(self.path)
        path = self.folder / unquote(url.path).removeprefix(_ROOT).strip("/")
        return path, {name: values[0] for name, values in parse_qs(url.query).items()}

    def _elsewhere(self) -> None:
        """Send to the machine that has the data, as HDFS does: here it is the same."""
        host = f"http://{self.headers['host']}"
        self._send(b"", 307, Location=f"{host}{self.path}&here=1")

    def _tell(self, said: object, code: int = 200) -> None:
        self._send(json.dumps(said).encode(), code)

    def _send(self, content: bytes, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _status(path: Path) -> dict[str, Any]:
    state = path.stat()
    kind = "DIRECTORY" if path.is_dir() else "FILE"
    return {"type": kind, "length": state.st_size, "modificationTime": state.st_mtime_ns // 1_000_000}
