import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { defaultProfile, defaultProfileText, isLoaded, labelOf, profileOf } from './profile.js';

test('the profile of a container', () => {
  const here = (Privileged: boolean, ...SecurityOpt: string[]) =>
    profileOf({ Privileged, SecurityOpt }, true);
  assert.equal(here(false), 'docker-default');
  assert.equal(here(true), 'unconfined');
  assert.equal(here(false, 'apparmor=mine'), 'mine');
  assert.equal(here(false, 'apparmor:unconfined'), 'unconfined');
  assert.equal(here(true, 'apparmor=mine'), 'unconfined', 'as dockerd has it');
});

test('a host without AppArmor: nothing is applied, and nothing is promised', () => {
  const elsewhere = (Privileged: boolean, ...SecurityOpt: string[]) =>
    profileOf({ Privileged, SecurityOpt }, false);
  assert.equal(elsewhere(false), undefined);
  assert.equal(elsewhere(true, 'apparmor=mine'), undefined);
  assert.equal(elsewhere(false, 'apparmor=unconfined'), undefined);
  assert.throws(() => elsewhere(false, 'apparmor=mine'), {
    message: "AppArmor is not supported on this host, but the profile 'mine' was specified",
  });
});

test('names in lists of the kernel and in attributes of processes', () => {
  const profiles = 'docker-default-2 (enforce)\nmy profile (complain)\n';
  assert.equal(isLoaded(profiles, 'docker-default'), false);
  assert.equal(isLoaded(`${profiles}docker-default (enforce)\n`, 'docker-default'), true);
  assert.equal(isLoaded(profiles, 'my profile'), true);
  assert.equal(labelOf('unconfined\n'), 'unconfined');
  assert.equal(labelOf('my profile (complain)\n'), 'my profile');
  assert.equal(labelOf(''), 'unconfined');
});

test("AppArmor's own parser takes the text, with the host's includes and without", () => {
  for (const has of [(file: string) => existsSync(`/etc/apparmor.d/${file}`), () => false]) {
    const text = defaultProfileText({ has, daemonLabel: '/usr/bin/dockerd' });
    // -Q: without the kernel; -K: no cache; -N: says the names.
    for (const options of ['-QK', '-NK']) {
      const { error, status, stdout, stderr } = spawnSync('/usr/sbin/apparmor_parser', [options], {
        input: text,
        encoding: 'utf8',
      });
      assert.equal(error, undefined, 'needs the package apparmor (npm run setup)');
      assert.equal(status, 0, `${stderr}\n${text}`);
      if (options === '-NK') assert.equal(stdout, `${defaultProfile}\n`);
    }
    assert.match(text, /signal \(receive\) peer="\/usr\/bin\/dockerd",/);
  }
});
