using System.Diagnostics;
using System.Diagnostics.Metrics;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Links;

/// <summary>Metrics of links: meter <c>Qanat.Link</c>, instruments <c>qanat.link.*</c>. Share one instance per process part.</summary>
public sealed class LinkMetrics : IDisposable
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string SourceName = "Qanat.Link";

    internal static readonly ActivitySource Activities = new(SourceName);
    private static readonly KeyValuePair<string, object?> s_in = new("qanat.link.direction", "in");
    private static readonly KeyValuePair<string, object?> s_out = new("qanat.link.direction", "out");
    private readonly Meter _meter;
    private readonly bool _ownsMeter;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _frames;
    private readonly Histogram<double> _roundTrip;
    private readonly UpDownCounter<long> _active;
    private readonly Counter<long> _closes;
    private readonly Counter<long> _handshakes;

    /// <summary>Creates the instruments; without a factory they belong to a meter of their own.</summary>
    public LinkMetrics(IMeterFactory? meters = null)
    {
        _ownsMeter = meters is null;
        _meter = meters?.Create(SourceName) ?? new Meter(SourceName);
        _bytes = _meter.CreateCounter<long>("qanat.link.bytes", "By", "Bytes on the wire of links, framing included.");
        _frames = _meter.CreateCounter<long>("qanat.link.frames", "{frame}", "Header-1 frames.");
        _roundTrip = _meter.CreateHistogram<double>("qanat.link.rtt", "s", "Heartbeat round trips.");
        _active = _meter.CreateUpDownCounter<long>("qanat.link.active", "{link}", "Started links.");
        _closes = _meter.CreateCounter<long>("qanat.link.closes", "{link}", "Ended links by cause.");
        _handshakes = _meter.CreateCounter<long>("qanat.link.handshakes", "{handshake}", "Link handshakes by side and result.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsMeter)
        {
            _meter.Dispose();
        }
    }

    internal void Received(int bytes, int frames)
    {
        _bytes.Add(bytes, s_in);
        _frames.Add(frames, s_in);
    }

    internal void Sent(int bytes) => _bytes.Add(bytes, s_out);

    internal void SentFrames(int frames)
    {
        if (frames > 0)
        {
            _frames.Add(frames, s_out);
        }
    }

    internal void RoundTrip(TimeSpan time) => _roundTrip.Record(time.TotalSeconds);

    internal void Started() => _active.Add(1);

    internal void Closed(LinkCloseCause cause, bool wasStarted)
    {
        if (wasStarted)
        {
            _active.Add(-1);
        }
        _closes.Add(1, new KeyValuePair<string, object?>("qanat.link.cause", cause.ToString()));
    }

    internal void Accepted(LinkRefusal result) => _handshakes.Add(
        1, new("qanat.link.side", "acceptor"), new("qanat.link.result", result == LinkRefusal.None ? "Welcome" : result.ToString()));

    internal void AcceptFailed(string result) => _handshakes.Add(1, new("qanat.link.side", "acceptor"), new("qanat.link.result", result));

    internal void Dialed(TunnelError result) => _handshakes.Add(
        1, new("qanat.link.side", "initiator"), new("qanat.link.result", result == TunnelError.None ? "Welcome" : result.ToString()));
}
