using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Qanat.Hub.Mesh;

/// <summary>A bounded map whose entries end by themselves. When full, ended entries go first, then everything. Thread-safe.</summary>
internal sealed class ExpiringCache<TKey, TValue>(int capacity, TimeProvider time) where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, (TValue Value, long Until)> _entries = new();

    /// <summary>Entries, ended ones too.</summary>
    public int Count => _entries.Count;

    /// <summary>The value, if it has not ended.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_entries.TryGetValue(key, out (TValue Value, long Until) entry) && time.GetTimestamp() < entry.Until)
        {
            value = entry.Value;
            return true;
        }
        value = default;
        return false;
    }

    /// <summary>Keeps a value for a time.</summary>
    public void Set(TKey key, TValue value, TimeSpan lifetime)
    {
        if (_entries.Count >= capacity)
        {
            long now = time.GetTimestamp();
            foreach ((TKey old, (TValue, long Until) entry) in _entries)
            {
                if (entry.Until <= now)
                {
                    _entries.TryRemove(old, out _);
                }
            }
            if (_entries.Count >= capacity)
            {
                _entries.Clear();
            }
        }
        _entries[key] = (value, time.GetTimestamp() + (long)(lifetime.TotalSeconds * time.TimestampFrequency));
    }

    /// <summary>Forgets a value.</summary>
    public void Remove(TKey key) => _entries.TryRemove(key, out _);
}
