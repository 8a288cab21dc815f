"""A visitor without a browser: speaks Streamlit's websocket protocol, and remembers what is on the page."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

#: What the server calls the end of a run; the other two are followed by another run.
_ENDS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Visitor:
    """One session.

    Attributes:
        elements: what the last run put on the page, by place.
        fragments: of elements in a fragment, its id by their place.
        widgets: state of those that were touched, by id.
        trouble: exceptions and error boxes seen on pages.
        places: places in the queue that were shown.
    """

    def __init__(self, url: str):
        self.url, self.session, self.query, self.page = url.rstrip("/"), "", "", ""
        self.elements: dict[tuple[int, ...], Element] = {}
        self.fragments: dict[tuple[int, ...], str] = {}
        self.widgets: dict[str, WidgetState] = {}
        self.trouble: list[str] = []
        self.places: list[str] = []
        self._pages: dict[str, str] = {}
        self._socket: ClientConnection | None = None
        self._token, self._alone = "", ""

    async def open(self, query: str = "", page: str = "") -> None:
        """Load a page, as a fresh tab does, and wait until it is complete."""
        self._token = await asyncio.to_thread(_token, self.url)
        self._socket = await connect(
            self.url.replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=["streamlit", self._token],  # type: ignore[list-item]
            additional_headers={"Cookie": f"_streamlit_xsrf={self._token}"},
            max_size=None, open_timeout=60, ping_interval=None,
        )  # fmt: skip
        self.query = query
        await self.run(page_name=page)

    async def leave(self) -> None:
        """Close the tab."""
        if self._socket:
            await self._socket.close()

    async def run(self, page_name: str = "", fragment: str = "") -> None:
        """Run the page, or a fragment of it alone, with the widgets as they are, and wait for its end."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.page_name = self.query, self.page, page_name
        state.fragment_id = self._alone = fragment
        state.widget_states.widgets.extend(self.widgets.values())
        await self._send(message)
        await self._receive(_is_end)
        there = {_inner(element, "id") for element in self.elements.values()}
        self.widgets = {key: state for key, state in self.widgets.items() if state.id in there}

    async def go(self, page: str) -> None:
        """Follow a link of the navigation, e.g. "compare"."""
        self.page = self._pages[page]
        await self.run()

    async def upload(self, key: str, name: str, data: bytes) -> None:
        """Put a file into an uploader and wait for what the page makes of it."""
        ask = BackMsg()
        ask.file_urls_request.request_id = uuid.uuid4().hex
        ask.file_urls_request.file_names.append(name)
        ask.file_urls_request.session_id = self.session
        await self._send(ask)
        answer = await self._receive(lambda m: m.WhichOneof("type") == "file_urls_response")
        urls = answer.file_urls_response.file_urls[0]
        await asyncio.to_thread(_put, self.url + urls.upload_url, name, data, self._token)
        state = self._state(key)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.file_id, info.name, info.size = urls.file_id, name, len(data)
        info.file_urls.CopyFrom(urls)
        await self.run()

    async def set(self, key: str, field: str, value: Any) -> None:
        """Move a widget: its key, the protocol's name for the kind of its value, and the value."""
        state = self._state(key)
        if field.endswith("array_value"):
            getattr(state, field).data.extend(value)
        else:
            setattr(state, field, value)
        await self.run(fragment=self.fragments.get(self._place_of(key), ""))

    def viewer(self, key: str, part: str) -> dict[str, Any]:
        """What a component of the app was given (see `ui/viewer.py`)."""
        for element in self.elements.values():
            if element.WhichOneof("type") == "bidi_component":
                data = _data(element)
                if data.get("id") == key and part in data:
                    return data
        raise LookupError(f"no {part} of {key} on the page")

    def _state(self, key: str) -> WidgetState:
        state = self.widgets[key] = WidgetState(id=self._id(key))
        return state

    def _id(self, key: str) -> str:
        return _inner(self.elements[self._place_of(key)], "id")

    def _place_of(self, key: str) -> tuple[int, ...]:
        for place, element in self.elements.items():
            if _inner(element, "id").endswith(f"-{key}"):
                return place
        raise LookupError(f"no widget {key} on the page")

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    async def _receive(self, last: Any) -> ForwardMsg:
        assert self._socket is not None
        while True:
            message = ForwardMsg.FromString(await self._socket.recv())
            self._note(message)
            if last(message):
                return message

    def _note(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id
            self.page = message.new_session.page_script_hash
            kept = {place for place, of in self.fragments.items() if self._alone and of != self._alone}
            self.elements = {place: e for place, e in self.elements.items() if place in kept}
        elif kind == "navigation":
            self._pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._place(tuple(message.metadata.delta_path), message.delta)

    def _place(self, where: tuple[int, ...], delta: Delta) -> None:
        element = self.elements[where] = delta.new_element
        self.fragments[where] = delta.fragment_id
        if element.WhichOneof("type") == "exception":
            self.trouble.append(f"{element.exception.type}: {element.exception.message}")
        elif element.WhichOneof("type") == "alert" and element.alert.format == element.alert.ERROR:
            self.trouble.append(element.alert.body)
        elif element.WhichOneof("type") == "markdown" and "before you" in element.markdown.body:
            self.places.append(element.markdown.body)


def _inner(element: Element, name: str) -> str:
    return getattr(getattr(element, element.WhichOneof("type")), name, "")


def _is_end(message: ForwardMsg) -> bool:
    return message.WhichOneof("type") == "script_finished" and message.script_finished in _ENDS


def _data(element: Element) -> dict[str, Any]:
    component = element.bidi_component
    text = component.json or component.mixed.json
    return json.loads(text) if text else {}


def _token(url: str) -> str:
    """The cookie that uploads have to repeat."""
    with urllib.request.urlopen(f"{url}/_stcore/host-config", timeout=60) as answer:
        pass
    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=60) as answer:
        cookies = answer.headers.get_all("Set-Cookie") or []
    return next((c.split(";")[0].split("=", 1)[1] for c in cookies if c.startswith("_streamlit_xsrf=")), "")


def _put(url: str, name: str, data: bytes, token: str) -> None:
    line = uuid.uuid4().hex
    head = f'--{line}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
    body = head.encode() + b"Content-Type: image/png\r\n\r\n" + data + f"\r\n--{line}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={line}",
        "X-Xsrftoken": token,
        "Cookie": f"_streamlit_xsrf={token}",
    }
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=120):
        pass
