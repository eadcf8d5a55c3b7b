using System.Diagnostics.Metrics;

namespace Qanat.Node.Diagnostics;

/// <summary>Metrics of the node, meter <c>Qanat.Node</c>. Tags come from closed sets: protocol names and error codes.</summary>
internal sealed class NodeMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Qanat.Node";

    private readonly Counter<long> _requests;
    private readonly Counter<long> _connections;
    private readonly Counter<long> _opens;
    private readonly Counter<long> _relayed;
    private readonly UpDownCounter<long> _serving;

    public NodeMetrics(IMeterFactory? meters)
    {
        Meter meter = meters?.Create(MeterName) ?? new Meter(MeterName);
        _requests = meter.CreateCounter<long>("qanat.node.requests", "{request}", "HTTP requests forwarded, by side and outcome code.");
        _connections = meter.CreateCounter<long>("qanat.node.proxy.connections", "{connection}", "Client connections on the proxy port, by protocol.");
        _opens = meter.CreateCounter<long>("qanat.node.service.opens", "{connection}", "Connections opened by peers, by outcome.");
        _relayed = meter.CreateCounter<long>("qanat.node.relay.bytes", "By", "Bytes of raw relays, by direction.");
        _serving = meter.CreateUpDownCounter<long>("qanat.node.service.connections", "{connection}", "Peers' connections being served.");
    }

    public void Request(bool atTarget, string code)
    {
        if (_requests.Enabled)
        {
            _requests.Add(1, new KeyValuePair<string, object?>("qanat.side", atTarget ? "service" : "proxy"), new KeyValuePair<string, object?>("qanat.code", code));
        }
    }

    public void Connection(string protocol)
    {
        if (_connections.Enabled)
        {
            _connections.Add(1, new KeyValuePair<string, object?>("qanat.protocol", protocol));
        }
    }

    public void Open(string outcome)
    {
        if (_opens.Enabled)
        {
            _opens.Add(1, new KeyValuePair<string, object?>("qanat.outcome", outcome));
        }
    }

    public void Relayed(long bytesOut, long bytesIn)
    {
        if (_relayed.Enabled)
        {
            _relayed.Add(bytesOut, new KeyValuePair<string, object?>("qanat.direction", "out"));
            _relayed.Add(bytesIn, new KeyValuePair<string, object?>("qanat.direction", "in"));
        }
    }

    public void Serving(int change) => _serving.Add(change);
}
