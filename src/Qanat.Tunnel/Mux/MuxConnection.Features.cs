using System.Collections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Qanat.Wire;

namespace Qanat.Tunnel.Mux;

internal sealed partial class MuxConnection :
    IFeatureCollection, ITunnelPeerFeature, IConnectionIdFeature, IConnectionLifetimeFeature, IConnectionItemsFeature,
    IConnectionTransportFeature, IConnectionEndPointFeature
{
    private static readonly Type[] s_own =
    [
        typeof(ITunnelPeerFeature), typeof(IConnectionIdFeature), typeof(IConnectionLifetimeFeature), typeof(IConnectionItemsFeature),
        typeof(IConnectionTransportFeature), typeof(IConnectionEndPointFeature),
    ];

    public Mid PeerMid => _session.PeerMid;

    public string PeerName => _session.PeerName;

    IDictionary<object, object?> IConnectionItemsFeature.Items { get => Items; set => Items = value; }

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _extraFeatures?.Revision ?? 0;

    object? IFeatureCollection.this[Type key]
    {
        get => _extraFeatures?[key] ?? (Array.IndexOf(s_own, key) >= 0 ? this : null);
        set => (_extraFeatures ??= new FeatureCollection())[key] = value;
    }

    TFeature? IFeatureCollection.Get<TFeature>() where TFeature : default =>
        (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance) where TFeature : default =>
        ((IFeatureCollection)this)[typeof(TFeature)] = instance;

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
    {
        foreach (Type own in s_own)
        {
            yield return new KeyValuePair<Type, object>(own, ((IFeatureCollection)this)[own]!);
        }
        foreach (KeyValuePair<Type, object> extra in _extraFeatures ?? [])
        {
            if (Array.IndexOf(s_own, extra.Key) < 0)
            {
                yield return extra;
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<KeyValuePair<Type, object>>)this).GetEnumerator();
}
