/** A port that an endpoint answers on. */
export interface EndpointPort {
  /** The name of `_<name>._tcp.<service>`, where it has one. */
  name?: string;
  port: number;
  protocol: "tcp" | "udp";
}

/** One answer to an SRV question. */
export interface ServiceTarget {
  /** A name that `lookup` knows. */
  name: string;
  address: string;
  port: number;
}

/** What the DNS servers of networks know. Names are compared without regard to case; a trailing dot is not part of one. */
export interface NameSource {
  /** Another number after each change that an answer may depend on. */
  readonly version: number;
  /** The networks of the container that has this address on this network, in its own order; that network alone when it is nobody's. */
  networksOf(network: string, address: string): readonly string[];
  /** The IPv4 addresses of a name: undefined when there is no such name, empty when nothing behind it can be used now. */
  lookup(network: string, name: string): readonly string[] | undefined;
  /** The name of a container's address. */
  reverse(network: string, address: string): string | undefined;
  /**
   * Who answers on a port of a service, the port given by number or name: undefined when there is no such service or port, empty
   * when nobody who has it can be used now.
   */
  ports(network: string, service: string, port: string, protocol: "tcp" | "udp"): readonly ServiceTarget[] | undefined;
}
