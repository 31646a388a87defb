/** linux/netfilter/nf_tables.h, nfnetlink.h and nf_tables_compat.h. Every number of this protocol is big-endian. */
export const NFT = {
  NFNL_MSG_BATCH_BEGIN: 0x10,
  NFNL_MSG_BATCH_END: 0x11,
  NFNL_SUBSYS_NFTABLES: 10,

  MSG_NEWTABLE: 0,
  MSG_GETTABLE: 1,
  MSG_DELTABLE: 2,
  MSG_NEWCHAIN: 3,
  MSG_GETCHAIN: 4,
  MSG_NEWRULE: 6,
  MSG_GETRULE: 7,
  MSG_DELRULE: 8,
  MSG_NEWSET: 9,
  MSG_NEWSETELEM: 12,
  MSG_GETSETELEM: 13,
  MSG_DELSETELEM: 14,

  TABLE_NAME: 1,
  TABLE_USERDATA: 6,
  CHAIN_TABLE: 1,
  CHAIN_NAME: 3,
  CHAIN_HOOK: 4,
  CHAIN_POLICY: 5,
  CHAIN_TYPE: 7,
  HOOK_HOOKNUM: 1,
  HOOK_PRIORITY: 2,
  RULE_TABLE: 1,
  RULE_CHAIN: 2,
  RULE_HANDLE: 3,
  RULE_EXPRESSIONS: 4,
  RULE_USERDATA: 7,
  SET_TABLE: 1,
  SET_NAME: 2,
  SET_FLAGS: 3,
  SET_KEY_TYPE: 4,
  SET_KEY_LEN: 5,
  SET_DATA_TYPE: 6,
  SET_DATA_LEN: 7,
  SET_ID: 10,
  SET_USERDATA: 13,
  SET_FLAG_MAP: 0x8,
  ELEM_LIST_TABLE: 1,
  ELEM_LIST_SET: 2,
  ELEM_LIST_ELEMENTS: 3,
  ELEM_KEY: 1,
  ELEM_DATA: 2,
  LIST_ELEM: 1,

  DATA_VALUE: 1,
  DATA_VERDICT: 2,
  VERDICT_CODE: 1,
  VERDICT_CHAIN: 2,
  EXPR_NAME: 1,
  EXPR_DATA: 2,
  IMMEDIATE_REGISTER: 1,
  IMMEDIATE_DATA: 2,
} as const;

/** The address families of tables (linux/netfilter.h, NFPROTO_*). */
export const FAMILY = { any: 0, inet: 1, ip: 2, arp: 3, bridge: 7, ip6: 10 } as const;
export type Family = keyof typeof FAMILY;

/** Hook numbers; the inet and the bridge hooks agree in these (NF_INET_*, NF_BR_*). */
export const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type Hook = keyof typeof HOOK;

/** Verdict codes: netfilter's own, and nf_tables' negative ones. */
export const VERDICT = { drop: 0, accept: 1, jump: -3, return: -5 } as const;

/** The first of sixteen 4-byte registers (NFT_REG32_00); the 16-byte register 1 overlays its four words. */
export const FIRST_REGISTER = 8;
export const VERDICT_REGISTER = 0;

/** The type of a message of this subsystem. */
export const nftablesType = (message: number): number => (NFT.NFNL_SUBSYS_NFTABLES << 8) | message;
