# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""A server in the place of an instance's inject socket, of any temper at any step. Not a test itself."""
import os
import socket
import threading

STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot")
GOOD = {"greeting": "220 fake ESMTP", "EHLO": "250-fake\r\n250-PIPELINING\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES", "MAIL": "250 2.1.0 Ok",
        "RCPT": "250 2.1.5 Ok", "DATA": "354 Go on", "dot": "250 2.0.0 Ok: queued as FAKE"}


class FakeInject:
    """tempers: (step, what) of one connection after the other, again from the first after the last. what is a reply,
    "close" or "hang". struck: those that were used. The real socket waits beside it, and returns with stop()."""

    def __init__(self, path, tempers):
        self.path, self.tempers, self.struck, self.connections = path, tempers, set(), []
        self.lock, self.count = threading.Lock(), 0
        os.rename(path, path + ".real")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(100)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        """The temper is for the first message of a connection; it never gets to a second one."""
        with self.lock:
            temper, self.count = self.tempers[self.count % len(self.tempers)], self.count + 1
        lines = connection.makefile("rb")
        try:
            self.speak(connection, lines, temper)
        except OSError:
            pass

    def speak(self, connection, lines, temper):
        step = "greeting"
        while step:
            if temper[0] == step:
                self.struck.add(temper)
                if temper[1] == "hang":
                    return
                if temper[1] == "close":
                    connection.shutdown(socket.SHUT_RDWR)
                    return
            reply = temper[1] if temper[0] == step else GOOD[step]
            connection.sendall(reply.encode() + b"\r\n")
            if reply.startswith("421"):
                connection.shutdown(socket.SHUT_RDWR)
                return
            step = self.next_step(connection, lines, reply if step == "DATA" else "")

    def next_step(self, connection, lines, data_reply):
        """Reads up to the next thing that wants a reply; None at the end."""
        if data_reply.startswith("354"):
            while (line := lines.readline()) not in (b".\r\n", b""):
                pass
            return "dot" if line else None
        verb = lines.readline()[:4].upper().decode("latin-1")
        if verb in ("RSET", "QUIT"):
            connection.sendall(b"250 2.0.0 Ok\r\n")
            return self.next_step(connection, lines, "") if verb == "RSET" else None
        return verb if verb in STEPS else None

    def stop(self):
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        os.rename(self.path + ".real", self.path)
