# SPDX-License-Identifier: MIT
# gawk -v port=PORT -f echo.gawk: an echo server on /inet/udp.
BEGIN {
	service = "/inet/udp/" port "/0/0"
	while (1) {
		if ((service |& getline) > 0)
			print |& service
		close(service)
	}
}
