import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkVariables } from './link-environment.js';

test('variables of a link, as dockerd sets them', () => {
  assert.deepEqual(
    linkVariables({
      parent: 'web',
      alias: 'my-db',
      address: '172.17.0.2',
      ports: ['53/udp', '5432/tcp'],
      env: ['PATH=/bin', 'USER=x=y', 'EMPTY'],
    }),
    [
      'MY_DB_PORT=tcp://172.17.0.2:5432',
      'MY_DB_PORT_5432_TCP=tcp://172.17.0.2:5432',
      'MY_DB_PORT_5432_TCP_ADDR=172.17.0.2',
      'MY_DB_PORT_5432_TCP_PORT=5432',
      'MY_DB_PORT_5432_TCP_PROTO=tcp',
      'MY_DB_PORT_53_UDP=udp://172.17.0.2:53',
      'MY_DB_PORT_53_UDP_ADDR=172.17.0.2',
      'MY_DB_PORT_53_UDP_PORT=53',
      'MY_DB_PORT_53_UDP_PROTO=udp',
      'MY_DB_NAME=/web/my-db',
      'MY_DB_ENV_USER=x=y',
    ],
  );
});
