#!/usr/bin/perl
# The catalogue: GET /items is all there is to buy, GET /items/ID one of them, as JSON.
# Uses nothing but the modules that every Debian and Ubuntu has (perl-base).
use strict;
use warnings;
use IO::Socket::INET;

my $PORT             = 8080;
my $MAXIMUM_HEAD     = 8192;
my $PATIENCE_SECONDS = 5;

my @items = read_items('/app/items.txt');

# The first process of a container gets no signal that it does not ask for.
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
# The kernel reaps the children that answer requests.
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';

my $server = IO::Socket::INET->new(LocalPort => $PORT, Listen => 64, ReuseAddr => 1)
  or die "catalog: cannot listen on port $PORT: $!\n";
$| = 1;
print 'catalog: ', scalar @items, " items, listening on port $PORT\n";

while (1) {
    my $client = $server->accept or next;
    my $child  = fork;
    warn "catalog: cannot fork: $!\n" unless defined $child;
    if (defined $child && $child == 0) {
        close $server;
        # A client that says nothing is left alone after a while.
        $SIG{ALRM} = sub { exit 0 };
        alarm $PATIENCE_SECONDS;
        answer($client);
        exit 0;
    }
    close $client;
}

sub answer {
    my ($client) = @_;
    my ($method, $path) = read_request($client) or return respond($client, '400 Bad Request', '{"error":"not a request"}');
    return respond($client, '405 Method Not Allowed', '{"error":"only GET"}') if $method ne 'GET';
    return respond($client, '200 OK', '[' . join(',', map { to_json($_) } @items) . ']') if $path eq '/items';
    if ($path =~ m{^/items/(.+)$}) {
        my ($item) = grep { $_->{id} eq $1 } @items;
        return respond($client, '200 OK', to_json($item)) if $item;
    }
    return respond($client, '404 Not Found', '{"error":"there is no such item"}');
}

# Reads up to the empty line that ends a request's head; returns its method and path.
sub read_request {
    my ($client) = @_;
    my $head = '';
    while ($head !~ /\r?\n\r?\n/) {
        return if length $head > $MAXIMUM_HEAD;
        sysread($client, $head, 1024, length $head) or return;
    }
    return $head =~ m{^([A-Z]+) ([^ ?]+)\S* HTTP/1\.\d\r?\n} ? ($1, $2) : ();
}

sub respond {
    my ($client, $status, $json) = @_;
    my $length = length $json;
    print $client "HTTP/1.1 $status\r\nContent-Type: application/json\r\nContent-Length: $length\r\nConnection: close\r\n\r\n$json";
    close $client;
}

# A line is an id, a price in cents and a name.
sub read_items {
    my ($path) = @_;
    open my $file, '<', $path or die "catalog: cannot read $path: $!\n";
    my @found;
    while (my $line = <$file>) {
        next if $line =~ /^\s*(#|$)/;
        my ($id, $cents, $name) = $line =~ /^(\S+)\s+(\d+)\s+(.+?)\s*$/ or die "catalog: $path line $.: not an item\n";
        push @found, { id => $id, cents => $cents, name => $name };
    }
    return @found;
}

sub to_json {
    my ($item) = @_;
    return sprintf '{"id":%s,"name":%s,"cents":%d}', quote($item->{id}), quote($item->{name}), $item->{cents};
}

sub quote {
    my ($text) = @_;
    $text =~ s/(["\\])/\\$1/g;
    return qq{"$text"};
}
