// SPDX-License-Identifier: MIT
// cluster.js PORT 4|6|d: an echo server of two workers, whose primary process binds
// the socket and passes it to them.
const cluster = require('cluster');

if (cluster.isPrimary) {
	cluster.setupPrimary({ exec: `${__dirname}/echo.js` });
	for (let i = 0; i < 2; i++)
		cluster.fork();
}
