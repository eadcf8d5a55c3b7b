using System.Diagnostics.Metrics;
using Qanat.Wire;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Sessions;

/// <summary>Metrics of sessions, meter <c>Qanat.Session</c>. Safe from any thread.</summary>
public sealed class SessionMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Qanat.Session";

    private readonly Meter _meter;
    private readonly UpDownCounter<long> _active;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _resumes;
    private readonly Counter<long> _sent;
    private readonly Counter<long> _received;
    private readonly Counter<long> _retransmitted;
    private readonly Histogram<double> _stall;
    private readonly Histogram<double> _roundTrip;
    private readonly Histogram<long> _window;
    private readonly Counter<long> _dropped;

    /// <summary>Creates the instruments; without a factory they belong to this object.</summary>
    public SessionMetrics(IMeterFactory? factory = null)
    {
        _meter = factory?.Create(new MeterOptions(MeterName)) ?? new Meter(MeterName);
        _active = _meter.CreateUpDownCounter<long>("qanat.session.active", "{session}", "Sessions that live now.");
        _ended = _meter.CreateCounter<long>("qanat.session.ended", "{session}", "Sessions that ended, by reason.");
        _resumes = _meter.CreateCounter<long>("qanat.session.resumes", "{resume}", "Breaks after which a session found its peer again.");
        _sent = _meter.CreateCounter<long>("qanat.session.sent", "By", "Stream bytes sent for the first time by sessions that ended.");
        _received = _meter.CreateCounter<long>("qanat.session.received", "By", "In-order stream bytes received by sessions that ended.");
        _retransmitted = _meter.CreateCounter<long>("qanat.session.retransmitted", "By", "Stream bytes sent again by sessions that ended.");
        _stall = _meter.CreateHistogram<double>("qanat.session.stall.duration", "s", "Time a session waited for its link or its peer.");
        _roundTrip = _meter.CreateHistogram<double>("qanat.session.rtt", "s", "Smoothed round trip of a session, when it ended.");
        _window = _meter.CreateHistogram<long>("qanat.session.window", "By", "Receive window of a session, when it ended.");
        _dropped = _meter.CreateCounter<long>("qanat.session.frames.dropped", "{frame}", "Frames that belong to no session here.");
    }

    internal void Began() => _active.Add(1);

    internal void Ended(FrameReason reason, in SessionCounters counters, TimeSpan roundTrip, long windowBytes)
    {
        _active.Add(-1);
        _ended.Add(1, new KeyValuePair<string, object?>("qanat.reason", reason.ToString()));
        _resumes.Add(counters.Resumes);
        _sent.Add(counters.BytesSent);
        _received.Add(counters.BytesReceived);
        _retransmitted.Add(counters.BytesRetransmitted);
        _roundTrip.Record(roundTrip.TotalSeconds);
        _window.Record(windowBytes);
    }

    internal void Stalled(TimeSpan duration) => _stall.Record(duration.TotalSeconds);

    internal void Dropped(FrameDrop why) => _dropped.Add(1, new KeyValuePair<string, object?>("qanat.drop.reason", why.ToString()));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}

/// <summary>Why a frame was dropped.</summary>
internal enum FrameDrop
{
    /// <summary>Its destination is another mid.</summary>
    WrongDestination,
    /// <summary>It claims to come from this node.</summary>
    Reflected,
    /// <summary>No session of that peer and id lives here.</summary>
    UnknownSession,
}
