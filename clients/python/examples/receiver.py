"""A webhook receiver on Python's own HTTP server."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from darkroom import Webhook, WebhookRejected

webhook = Webhook(os.environ["DARKROOM_WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = webhook.verify(dict(self.headers), body)
        except WebhookRejected:
            self.send_error(401)
            return
        self.send_response(204)
        self.end_headers()
        if event.type == "task.succeeded":
            print(event.id, event.task.output_file_ids)


if __name__ == "__main__":
    HTTPServer(("", int(os.environ.get("PORT", "8000"))), Receiver).serve_forever()
