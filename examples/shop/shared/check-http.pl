#!/usr/bin/perl
# Asks a port of this container for a path; succeeds when the answer is 200. Usage: check-http.pl PORT PATH
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $path) = @ARGV;

my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 2)
  or die "cannot connect to port $port: $!\n";
print $socket "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
my $status = <$socket> // '';
exit($status =~ m{^HTTP/1\.\d 200 } ? 0 : 1);
