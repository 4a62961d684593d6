"""A server of one word: answers each connection with it. Writes its port to the file `port` once it listens."""
import os
import socket
import time

with socket.create_server(("127.0.0.1", 0)) as listener:
    with open("port.part", "w") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename("port.part", "port")
    while True:
        connection, _ = listener.accept()
        with connection:
            time.sleep(0.005)
            connection.sendall(b"word\n")
