/** Networks, names, published ports. */
import assert from 'node:assert/strict';
import { type Commands, until } from './commands.js';

export async function networkCommands(docker: Commands): Promise<void> {
  const { image } = docker;
  await docker('network ls', /^NETWORK ID +NAME +DRIVER +SCOPE\n/);
  await docker("network ls --format '{{.Name}} {{.Driver}} {{.Scope}}' -f driver=null", 'none null local');
  await docker('network create front', /^[0-9a-f]{64}\n$/);
  await docker(
    'network create --subnet 10.213.7.0/24 --gateway 10.213.7.1 --ip-range 10.213.7.128/25 --aux-address host=10.213.7.200 --label tier=back back',
    /^[0-9a-f]{64}\n$/,
  );
  await docker(
    'network create --internal --driver bridge --opt com.docker.network.driver.mtu=1400 hidden',
    /^[0-9a-f]{64}\n$/,
  );
  await docker('network create front', { code: 1, err: /network with name front already exists/ });
  await docker('network create --subnet 10.213.7.0/25 overlap', {
    code: 1,
    err: /Pool overlaps with other one on this address space/,
  });
  await docker('network create --subnet 10.213.7.300/24 wrong', { code: 1, err: /invalid|parse/i });
  await docker('network create --driver nosuch wrong', {
    code: 1,
    err: /plugin "nosuch" not found|could not find plugin nosuch/,
  });
  await docker('network create bridge', {
    code: 1,
    err: /operation is not permitted on predefined|already exists/,
  });
  await docker(
    "network inspect --format '{{.Name}} {{.Driver}} {{.Internal}} {{(index .IPAM.Config 0).Subnet}} {{.Labels.tier}}' back",
    'back bridge false 10.213.7.0/24 back',
  );
  await docker('network inspect nosuch', {
    code: 1,
    err: /[nN]o such network: nosuch|network nosuch not found/,
  });
  await docker('network ls -q -f name=front', /^[0-9a-f]{12}\n$/);
  await docker('network ls -q -f label=tier=back', /^[0-9a-f]{12}\n$/);

  await docker(
    `run -d --name web --network front --network-alias www -p 127.0.0.1:0:80 -p 127.0.0.1::90/udp ${image} sh -c 'mkdir -p /www; echo page > /www/index.html; exec httpd -f -h /www'`,
  );
  await docker(
    `run -d --name back1 --network back --ip 10.213.7.77 --hostname inner --mac-address 02:42:0a:d5:07:4d ${image} sleep 600`,
  );
  const port = /127\.0\.0\.1:(\d+)/.exec(await docker('port web 80', /^127\.0\.0\.1:\d+\n$/))![1];
  await docker('port web', /^((80\/tcp|90\/udp) -> 127\.0\.0\.1:\d+\n){2}$/);
  await docker('port web 81', { code: 1, err: /no public port '81(\/tcp)?' published for web/i });
  await until(() => fetch(`http://127.0.0.1:${port}/`).then((reply) => reply.text(), String), /^page/);
  await docker('ps --format {{.Ports}} -f name=web', /127\.0\.0\.1:\d+->80\/tcp/);
  await docker(`run --rm -p 127.0.0.1:${port}:80 ${image} true`, {
    code: 125,
    err: /port is already allocated|address already in use/,
  });
  await docker(`run --rm --network front ${image} wget -q -O - http://web/`, 'page');
  await docker(`run --rm --network front ${image} wget -q -O - http://www/`, 'page');
  await docker(`run --rm --network front ${image} wget -q -O - http://web.front/`, 'page');
  await docker(`run --rm --network back ${image} nslookup web`, {
    code: 1,
    out: /can't find web|NXDOMAIN|SERVFAIL|no servers could be reached/,
  });
  await docker(`run --rm --network back --ip 10.213.7.77 ${image} true`, {
    code: 125,
    err: /Address already in use/,
  });
  await docker(`run --rm --network nosuch ${image} true`, { code: 125, err: /network nosuch not found/ });
  await docker(
    "inspect --format '{{.NetworkSettings.Networks.back.IPAddress}} {{.NetworkSettings.Networks.back.MacAddress}}' back1",
    '10.213.7.77 02:42:0a:d5:07:4d',
  );
  await docker('exec back1 hostname', 'inner');
  await docker('exec back1 cat /etc/hosts', /10\.213\.7\.77\s+inner/);
  await docker('exec back1 cat /etc/resolv.conf', /^nameserver 127\.0\.0\.11$/m);

  await docker('network connect --alias second front back1');
  await docker('exec back1 wget -q -O - http://web/', 'page');
  await docker('exec web nslookup second', /Name:\s+second/);
  await docker('network connect front back1', { code: 1, err: /already exists in network|already attached/ });
  await docker("network inspect --format '{{range .Containers}}{{.Name}} {{end}}' front", /back1/);
  await docker('network rm front', { code: 1, err: /has active endpoints/ });
  await docker('network disconnect front back1');
  await docker('network disconnect front back1', {
    code: 1,
    err: /is not connected to (the )?network front/,
  });
  await docker('exec back1 nslookup web', {
    code: 1,
    out: /can't find web|NXDOMAIN|SERVFAIL|no servers could be reached/,
  });
  await docker('network disconnect -f back back1');
  await docker('network connect --ip 10.213.7.90 back back1');
  await docker('exec back1 ip -4 -o addr', /10\.213\.7\.90\/24/);
  await docker('rename web site');
  await docker(`run --rm --network front ${image} wget -q -O - http://site/`, 'page');

  await docker(`run --rm --network none ${image} ip -o link`, /^1: lo/);
  await docker(`run --rm --network host ${image} cat /etc/hostname`, /./);
  await docker(`run --rm --network container:site ${image} wget -q -O - http://127.0.0.1/`, 'page');
  await docker(`run --rm --network container:nosuch ${image} true`, {
    code: 125,
    err: /No such container: nosuch/,
  });
  await docker(`run --rm --network hidden ${image} cat /sys/class/net/eth0/mtu`, '1400');
  await docker(
    `run --rm --add-host box:10.9.8.7 --dns 192.0.2.53 --dns-search lan --dns-opt timeout:1 ${image} cat /etc/resolv.conf /etc/hosts`,
    /^(?=(?:.|\n)*nameserver 192\.0\.2\.53\n)(?=(?:.|\n)*search lan\n)(?:.|\n)*options timeout:1\n(?:.|\n)*10\.9\.8\.7\s+box/,
  );
  const address = await docker("inspect --format '{{.NetworkSettings.Networks.front.IPAddress}}' site");
  assert.match(address, /^\d+\.\d+\.\d+\.\d+$/);
  await docker(`run -d --name old ${image} sleep 600`);
  await docker(`run --rm --link old:db ${image} ping -c 1 -W 2 db`, /1 packets received/);
  await docker(`run --rm --sysctl net.ipv4.ip_forward=0 ${image} cat /proc/sys/net/ipv4/ip_forward`, '0');

  await docker('rm -f site back1 old', 'site\nback1\nold');
  await docker(
    'network prune -f',
    /^Deleted Networks:\n(front|back|hidden)\n(front|back|hidden)\n(front|back|hidden)\n\n$/,
  );
  await docker('network create gone');
  await docker('network rm gone', 'gone');
  await docker('network rm gone', { code: 1, err: /[nN]o such network: gone|network gone not found/ });
  await docker('network rm bridge', {
    code: 1,
    err: /bridge is a pre-defined network and cannot be removed/,
  });
}
