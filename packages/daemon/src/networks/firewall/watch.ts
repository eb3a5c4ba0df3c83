/**
 * Notices when somebody deletes our rules (`nft flush ruleset`, a firewall's reload), by the kernel's own messages: no
 * process, no polling.
 *
 * In: the table's name. Out: a call when the table, a chain or a rule of it went. May import: netlink.
 */
import { Socket } from 'node:net';
import { netlinkProtocols, watchNetlink } from '@noos/linux';
import { attributesOf, decodeStream } from '../../linux/netlink.js';

/** linux/netfilter/nf_tables.h, nfnetlink.h: NFNLGRP_NFTABLES; NFT_MSG_DELTABLE, DELCHAIN, DELRULE, DELSET. */
const tablesGroup = 7;
const subsystem = 10 << 8;
const deletions: ReadonlySet<number> = new Set([2, 5, 8, 11].map((type) => subsystem | type));
/** NLMSG_OVERRUN: messages were lost. */
const overrun = 4;
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE: the first attribute of each. */
const tableName = 1;
const familyHeaderBytes = 4;

/** Calls `gone` for every deletion, our own ones included; the function that comes back ends it. */
export function watchTable(table: string, gone: () => void): () => void {
  const socket = new Socket({ fd: watchNetlink(netlinkProtocols.netfilter, tablesGroup) });
  const decode = decodeStream();
  socket.unref().on('data', (bytes: Buffer) => {
    for (const { type, body } of decode(bytes)) {
      const name = attributesOf(body.subarray(familyHeaderBytes)).get(tableName);
      const ours = name?.toString('latin1').replace(/\0$/, '') === table;
      if (type === overrun || (deletions.has(type) && ours)) gone();
    }
  });
  socket.on('error', gone);
  return () => socket.destroy();
}
