/**
 * Schema of EndpointSettings as requests carry them; containers and networks share it.
 *
 * May import: typebox.
 */
import { type TSchema, Type } from '@sinclair/typebox';

export const nullable = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
export const strings = nullable(Type.Record(Type.String(), Type.String()));
const list = nullable(Type.Array(Type.String()));

export const endpointRequestSchema = Type.Object({
  IPAMConfig: nullable(
    Type.Object({
      IPv4Address: Type.Optional(Type.String()),
      IPv6Address: Type.Optional(Type.String()),
      LinkLocalIPs: list,
    }),
  ),
  Links: list,
  Aliases: list,
  MacAddress: Type.Optional(Type.String()),
  DriverOpts: strings,
  GwPriority: Type.Optional(Type.Integer()),
  NetworkID: Type.Optional(Type.String()),
});
