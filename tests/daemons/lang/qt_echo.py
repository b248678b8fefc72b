# SPDX-License-Identifier: MIT
"""qt_echo.py PORT 4|d: an echo server on QUdpSocket."""

import sys

from PyQt5.QtCore import QCoreApplication
from PyQt5.QtNetwork import QHostAddress, QUdpSocket


def echo():
    while sock.hasPendingDatagrams():
        data, host, port = sock.readDatagram(65535)
        sock.writeDatagram(data, host, port)


app = QCoreApplication([])
sock = QUdpSocket()
anywhere = QHostAddress.AnyIPv4 if sys.argv[2] == "4" else QHostAddress.Any
if not sock.bind(QHostAddress(anywhere), int(sys.argv[1])):
    sys.exit(sock.errorString())
sock.readyRead.connect(echo)
app.exec()
