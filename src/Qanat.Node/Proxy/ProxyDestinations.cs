using System.Collections.Concurrent;
using Qanat.Node.Naming;
using Qanat.Tunnel;

namespace Qanat.Node.Proxy;

/// <summary>A parsed authority.</summary>
/// <param name="Status">What it is.</param>
/// <param name="Authority">As sent, for the Host header.</param>
/// <param name="EndPoint">The address, for Qanat names.</param>
/// <param name="Prefix">Start of request URIs, canonical, so that spellings share pooled connections.</param>
internal sealed record ProxyDestination(QanatNameStatus Status, string Authority, QanatEndPoint? EndPoint, string Prefix);

/// <summary>Parsed authorities, remembered up to a bound.</summary>
internal sealed class ProxyDestinations
{
    private const int Max = 4096;
    private readonly ConcurrentDictionary<string, ProxyDestination> _known = new(StringComparer.Ordinal);

    public ProxyDestination Find(ReadOnlySpan<char> authority)
    {
        if (_known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(authority, out ProxyDestination? known))
        {
            return known;
        }
        QanatNameStatus status = QanatName.Parse(authority, out QanatEndPoint? endPoint);
        string text = authority.ToString();
        var destination = new ProxyDestination(status, text, endPoint, endPoint is null ? "" : $"http://{QanatName.ToHost(endPoint)}");
        if (status == QanatNameStatus.Qanat && _known.Count < Max)
        {
            _known.TryAdd(text, destination);
        }
        return destination;
    }
}
