# SPDX-License-Identifier: MIT
# gawk -v port=PORT [-v stays=1] -f echo.gawk: an echo server on /inet/udp.
# It turns to who asks next after each answer, or stays with the first.
BEGIN {
	service = "/inet/udp/" port "/0/0"
	while (1) {
		if ((service |& getline) > 0) {
			print |& service
			fflush(service)
		}
		if (!stays)
			close(service)
	}
}
